"""Microsoft Media Server: decode, encode, Decoder, and the names of all messages."""

from typing import TYPE_CHECKING, cast

from mmscodec.errors import EncodeError, MalformedError
from mmscodec.mms.batch import Batch
from mmscodec.mms.decode import decode
from mmscodec.mms.decoder import Decoder
from mmscodec.mms.encoding import encode
from mmscodec.mms.many import Decoders, ManyBatch
from mmscodec.schema.mms import MESSAGES as _MESSAGES
from mmscodec.schema.mms import message_name

if TYPE_CHECKING:
    from mmscodec.schema.names import MessageName

#: Names of the 28 messages, servers' first.
MESSAGES = cast("tuple[MessageName, ...]", tuple(message.name for message in _MESSAGES))

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
