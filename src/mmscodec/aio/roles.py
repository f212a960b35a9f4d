"""A peer of each role: who connects, and who is connected to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mmscodec.aio.peer import Peer


async def connect(host: str, port: int = 1755, **options: Any) -> Peer:
    """Connect to a server.

    Parameters
    ----------
    host, port
        Where it listens.
    **options
        Those of `Peer`.

    Examples
    --------
    A client that asks for a file and prints what is answered:

    >>> async def client(host, name):
    ...     async with await connect(host) as peer:
    ...         await peer.send("LinkViewerToMacConnect", subscriber_name="NSPlayer/9.0")
    ...         async for batch in peer:
    ...             if len(batch["LinkMacToViewerReportConnectedEX"]):
    ...                 await peer.send("LinkViewerToMacOpenFile", file_name=name)
    ...             print(batch)
    """
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(lambda: Peer(**options), host, port)
    return peer


async def serve(
    handler: Callable[[Peer], Awaitable[None]],
    host: str = "127.0.0.1",
    port: int = 1755,
    **options: Any,
) -> asyncio.Server:
    """Listen; each connection has a task that runs `handler`.

    The connection is closed when the handler ends. What it raises is told to the loop's exception
    handler, but for errors of the connection, which end it as its other side does.

    Examples
    --------
    A server that answers each greeting:

    >>> async def answer(peer):
    ...     async for batch in peer:
    ...         for _ in batch["LinkViewerToMacConnect"]:
    ...             await peer.send("LinkMacToViewerReportConnectedEX")
    >>> async def server():
    ...     async with await serve(answer) as listening:
    ...         await listening.serve_forever()
    """
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def run(peer: Peer) -> None:
        try:
            await handler(peer)
        except OSError:
            pass  # the other side has gone
        except Exception as error:
            loop.call_exception_handler({"message": "a peer's handler failed", "exception": error})
        finally:
            await peer.close()

    class Served(Peer):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            task = loop.create_task(run(self))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    return await loop.create_server(lambda: Served(**options), host, port)
