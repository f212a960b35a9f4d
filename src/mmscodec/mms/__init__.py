"""Microsoft Media Server: decode, encode, Decoder, and the names of all messages."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmscodec.errors import EncodeError, MalformedError
    from mmscodec.mms.batch import Batch
    from mmscodec.mms.decoder import Decoder
    from mmscodec.mms.decoding import decode
    from mmscodec.mms.encoding import encode
    from mmscodec.mms.many import Decoders, ManyBatch
    from mmscodec.schema.mms import message_name
    from mmscodec.schema.names import MessageName

    #: Names of the 28 messages, servers' first.
    MESSAGES: tuple[MessageName, ...]

__all__ = (
    "MESSAGES",
    "Batch",
    "Decoder",
    "Decoders",
    "EncodeError",
    "MalformedError",
    "ManyBatch",
    "decode",
    "encode",
    "message_name",
)

#: Where each name is; a capture needs few of them, so each is imported when it is asked for.
_HOMES = {
    "Batch": "mms.batch",
    "Decoder": "mms.decoder",
    "Decoders": "mms.many",
    "EncodeError": "errors",
    "MalformedError": "errors",
    "ManyBatch": "mms.many",
    "decode": "mms.decoding",
    "encode": "mms.encoding",
    "message_name": "schema.mms",
}


def __getattr__(name: str) -> Any:
    if name == "MESSAGES":
        known = import_module("mmscodec.schema.mms").MESSAGES
        found: Any = tuple(message.name for message in known)
    elif name in _HOMES:
        found = getattr(import_module(f"mmscodec.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'mmscodec.mms' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
