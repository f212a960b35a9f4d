"""What people do with node records: addresses, unique nodes, slots over time, answers."""

from __future__ import annotations

import ipaddress

import numpy as np

UNIQUE = np.dtype(
    {
        "names": ["ip", "udp_port", "tcp_port", "first", "last", "count"],
        "formats": ["<u4", "<u2", "<u2", "<i8", "<i8", "<i8"],
        "offsets": [0, 4, 6, 8, 16, 24],
        "itemsize": 32,
    }
)


def ip_numbers(nodes: np.ndarray) -> np.ndarray:
    """The addresses as native u32, from records, nodes or a column of addresses."""
    return (nodes["ip"] if nodes.dtype.names else nodes).astype(np.uint32)


def addresses(nodes: np.ndarray) -> np.ndarray:
    """Addresses as text, `a.b.c.d`.

    Parameters
    ----------
    nodes : numpy.ndarray
        Records, rows of `nodes`, or a column of addresses, of any shape.

    Returns
    -------
    numpy.ndarray
        Same shape, dtype U15. No Python code runs for each record.

    Examples
    --------
    >>> import numpy as np
    >>> from mmscodec import winmx
    >>> winmx.addresses(np.array([0xC000020A], ">u4")).tolist()
    ['192.0.2.10']
    """
    numbers = ip_numbers(nodes)
    flat = numbers.reshape(-1)
    text = np.zeros((flat.size, 15), np.uint32)
    at = np.zeros(flat.size, np.intp)
    row = np.arange(flat.size)
    for shift in (24, 16, 8, 0):
        octet = flat >> shift & 255
        for unit, least in ((100, 100), (10, 10), (1, 0)):
            there = octet >= least
            text[row[there], at[there]] = octet[there] // unit % 10 + 48
            at += there
        if shift:
            text[row, at] = 46
            at += 1
    return text.view("U15").reshape(numbers.shape)


def ip_objects(nodes: np.ndarray) -> np.ndarray:
    """Addresses as an object array of `ipaddress.IPv4Address`, one object a different address."""
    numbers = ip_numbers(nodes)
    unique, inverse = np.unique(numbers, return_inverse=True)
    made = np.empty(unique.size, object)
    made[:] = [ipaddress.IPv4Address(number) for number in unique.tolist()]
    return made[inverse.reshape(numbers.shape)]


def along_packets(values: object, nodes: np.ndarray, what: str = "time") -> np.ndarray:
    """One value for each record: `values` broadcast from the first axis of `nodes` on.

    Parameters
    ----------
    values : array_like
        A scalar; or one value for each record; or one for each packet: of the length of the first
        axis of an array of shape (packets, records), or of rows of a `nodes` table one for each
        row of `packets`.
    nodes : numpy.ndarray

    Raises
    ------
    ValueError
        Any other shape.
    """
    given, shape = np.asarray(values), nodes.shape
    if given.ndim < len(shape) and given.shape == shape[: given.ndim]:
        given = given.reshape(given.shape + (1,) * (len(shape) - given.ndim))
    if given.ndim == len(shape) and all(a in (1, b) for a, b in zip(given.shape, shape)):
        return np.broadcast_to(given, shape)
    if given.ndim == 1 and "packet" in (nodes.dtype.names or ()):
        packet = nodes["packet"]
        if len(packet) == 0 or (packet.min() >= 0 and packet.max() < len(given)):
            return given[packet]
    raise ValueError(
        f"{what} of shape {given.shape} is neither one for each of the records of shape {shape} "
        "nor one for each of their packets"
    )


def unique_nodes(nodes: np.ndarray, time: np.ndarray | None = None) -> np.ndarray:
    """The different nodes, and when each was first and last seen.

    Parameters
    ----------
    nodes : numpy.ndarray
        Records or rows of `nodes`, of any shape. A node is an address with both its ports.
    time : numpy.ndarray of int, optional
        Time of each record or of each packet, in any unit (captures: ns since 1970): an array of
        shape (packets, 8) takes times of shape (packets, 8), (packets, 1) or (packets,), rows of a
        `nodes` table one for each row or one for each row of `packets`. Default: the column `time`
        where there is one, else the record's position.

    Returns
    -------
    numpy.ndarray
        ip <u4, udp_port <u2, tcp_port <u2, first <i8, last <i8, count <i8; in the order in which
        nodes were first seen.
    """
    shape = nodes.shape
    names = nodes.dtype.names or ()
    if time is None:
        time = nodes["time"] if "time" in names else np.arange(nodes.size).reshape(shape)
    when = along_packets(time, nodes).reshape(-1).astype(np.int64)
    key = node_keys(nodes).reshape(-1)
    unique, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    out = np.zeros(unique.size, UNIQUE)
    out["ip"] = unique >> np.uint64(32)
    out["udp_port"] = unique >> np.uint64(16) & np.uint64(0xFFFF)
    out["tcp_port"] = unique & np.uint64(0xFFFF)
    out["count"] = counts
    first = np.full(unique.size, np.iinfo(np.int64).max)
    last = np.full(unique.size, np.iinfo(np.int64).min)
    np.minimum.at(first, inverse.reshape(-1), when)
    np.maximum.at(last, inverse.reshape(-1), when)
    out["first"] = first
    out["last"] = last
    return out[np.argsort(first, kind="stable")]


def node_keys(nodes: np.ndarray) -> np.ndarray:
    """Address and both ports of each record as one number (u8)."""
    key = ip_numbers(nodes).astype(np.uint64) << np.uint64(32)
    key |= nodes["udp_port"].astype(np.uint64) << np.uint64(16)
    return key | nodes["tcp_port"]


def slots_over_time(
    nodes: np.ndarray, ip: object, tcp_port: int | None = None, time: np.ndarray | None = None
) -> np.ndarray:
    """Free slots of one node, each time that a list named it.

    Parameters
    ----------
    nodes : numpy.ndarray
        Records or rows of `nodes`.
    ip : str, int or ipaddress.IPv4Address
    tcp_port : int, optional
        Only where several nodes share the address.
    time : numpy.ndarray of int, optional
        As in `unique_nodes`.

    Returns
    -------
    numpy.ndarray
        time <i8, free_primary_slots u1, free_secondary_slots u1, in order of time.
    """
    shape = nodes.shape
    if time is None:
        names = nodes.dtype.names or ()
        time = nodes["time"] if "time" in names else np.arange(nodes.size).reshape(shape)
    number = int(ipaddress.IPv4Address(ip))  # type: ignore[arg-type]
    wanted = nodes["ip"] == number
    if tcp_port is not None:
        wanted &= nodes["tcp_port"] == tcp_port
    when = along_packets(time, nodes)[wanted]
    kind = [("time", "<i8"), ("free_primary_slots", "u1"), ("free_secondary_slots", "u1")]
    out = np.empty(when.size, kind)
    out["time"] = when
    for name in ("free_primary_slots", "free_secondary_slots"):
        out[name] = nodes[name][wanted]
    return out[np.argsort(out["time"], kind="stable")]


class WaitingLists:
    """Node lists that no QueueStatus answered yet, from batch to batch of a capture.

    Make one and give it to `answers` of every batch in turn; see `WinmxTables.answers`. Of each
    connection it keeps the newest 1,024 lists, 16 bytes each, until the connection ends.
    """

    CEILING = 1024

    def __init__(self) -> None:
        self.lists: dict[int, np.ndarray] = {}  # by flow: offset and time of each

    def take(self, flow: int) -> np.ndarray:
        """The lists of a flow that wait, oldest first; they wait no longer."""
        return self.lists.pop(flow, np.empty((0, 2), np.int64))

    def put(self, flow: int, lists: np.ndarray) -> np.ndarray:
        """Let these wait; those beyond the ceiling are given back: nothing will answer them."""
        if len(lists):
            self.lists[flow] = lists[-self.CEILING :].copy()
        return lists[: -self.CEILING]

    def __len__(self) -> int:
        return sum(map(len, self.lists.values()))

    def __repr__(self) -> str:
        return f"<winmx.WaitingLists: {len(self)} lists of {len(self.lists)} flows>"


def pair_answers(lists: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Which QueueStatus (0x0384) answers which NodeList (0x03A1).

    Parameters
    ----------
    lists, answers : array_like of int
        When each was sent, ascending, in one unit: times of a capture, or any common order.

    Returns
    -------
    numpy.ndarray of <i8
        For each list the index of its answer, -1 where none came. Answers follow their list, each
        answers one, in order: the first not yet used after the list.

    Notes
    -----
    Section 4.3. Real clients also send QueueStatus on their own timer, so a pair is an inference.
    """
    lists = np.asarray(lists, np.int64)
    answers = np.asarray(answers, np.int64)
    place = np.arange(lists.size)
    earliest = np.searchsorted(answers, lists, "right")
    index = np.maximum.accumulate(earliest - place) + place if lists.size else earliest
    return np.where(index < answers.size, index, -1).astype("<i8")
