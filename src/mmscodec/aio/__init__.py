"""asyncio: a peer whose bytes arrive in its decoder's memory, and come out as batches."""

from mmscodec.aio.memory import Memory
from mmscodec.aio.peer import Peer
from mmscodec.aio.roles import connect, serve

__all__ = ("Memory", "Peer", "connect", "serve")
