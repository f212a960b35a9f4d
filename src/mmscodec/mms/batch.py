"""What a decode gives: tables, and on demand the fields of each kind of message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmscodec._signatures import keywords
from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.mms._codec import BatchBase
from mmscodec.mms.columns import MessageColumns
from mmscodec.rows import as_rows

if TYPE_CHECKING:
    from mmscodec.mms.findings import Findings
    from mmscodec.schema.names import MessageName
    from mmscodec.tables import Table


class Batch(BatchBase):
    """The rows of a piece of an MMS stream.

    Arrays are one-dimensional, C-contiguous and little-endian, one row a thing, over memory that
    the batch and its arrays own. Offsets count from the start of the stream; lengths are in bytes,
    headers included. Payloads and variable fields are read from the decoded buffer, which the batch
    keeps alive: it may not change while they are used.

    Attributes
    ----------
    packets : numpy.ndarray
        TcpMessageHeader packets: offset, length, seq, mbz, message_count, first_message (row in
        `messages`), time_sent, chunk_count.
    messages : numpy.ndarray
        offset, length, mid, packet (row in `packets`, -1 on UDP). RequestPacketListResend has its
        signature 0xBEEFF00D as mid.
    data : numpy.ndarray
        Data packets: offset, length (PacketSize), location_id, play_incarnation, af_flags, kind
        (0 media, 1 header, 2 packet-pair; header is told by the ASF Header GUID and AFFlags).
    faults : FaultTable
        offset, length (bytes skipped), code, field, need, have; `text()` for people.
    consumed : int
        Stream offset up to which rows and faults cover the bytes; what follows is an unfinished
        tail.
    pieces : tuple
        (stream offset, bytes-like) pairs in which the rows lie.
    """

    __slots__ = ()
    __signature__ = keywords()

    @property
    def faults(self) -> FaultTable:
        """What was wrong, in stream order."""
        return fault_table(self._fault_rows())

    @property
    def findings(self) -> Findings:
        """Deviations from the specification in good rows, worked out when first asked for."""
        if self._findings is None:
            from mmscodec.mms.findings import find

            self._findings = find(self)
        return self._findings

    @property
    def _by_message(self) -> MessageColumns:
        """The mechanism behind `batch[name]`, `column` and `extents`."""
        if self._columns is None:
            self._columns = MessageColumns(self.messages, self.messages["offset"], self.pieces)
        return self._columns

    def __getitem__(self, message: MessageName | int) -> np.ndarray:
        """Fixed fields of every message of this name (or MID): a structured array, copied.

        The layout is that of the wire, packed and little-endian, fields under their snake_case
        names; raw bytes come out as bytes, see `mmscodec.rows.Rows`.
        Messages too short for their fixed part are left out; they have a fault. Optional fields
        that chunkLen leaves out are zero here and masked in `column`.
        """
        return as_rows(self._by_message.array(message))

    def column(self, message: MessageName | int, field: str) -> np.ndarray:
        """One field of every message of a kind; see `MessageColumns.column`."""
        return self._by_message.column(message, field)

    def extents(self, message: MessageName | int, field: str) -> np.ndarray:
        """Stream offset and length of a field of every message of a kind."""
        return self._by_message.extents(message, field)

    def rows(self, message: MessageName | int) -> np.ndarray:
        """Rows of `messages` to which the rows of `batch[message]` belong."""
        return self._by_message.rows(message)

    def payload(self, i: int) -> memoryview:
        """Payload of Data packet `i`: a read-only view of the decoded buffer, no copy."""
        row = self.data[i]
        return self._by_message.read(int(row["offset"]) + 8, int(row["length"]) - 8)

    def table(self, name: str, *, payload: bool = False, secrets: bool = False) -> Table:
        """A table or kind of message as Arrow columns; see `mmscodec.Capture.table`."""
        from mmscodec.mms.arrow import batch_table

        return batch_table(self, name, payload, secrets)

    def __repr__(self) -> str:
        names = ("packets", "messages", "data", "faults")
        counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in names)
        return f"<mms.Batch: {counts}, consumed {self.consumed}>"

    def __reduce__(self):
        state = (self.packets, self.messages, self.data, np.asarray(self._fault_rows()))
        pieces = tuple((start, bytes(piece)) for start, piece in self.pieces)
        return _restore, (state, pieces, self.consumed)


def _restore(tables, pieces, consumed) -> Batch:
    batch = Batch()
    batch._restore_tables(tables, pieces, consumed)
    return batch
