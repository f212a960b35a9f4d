"""The exceptions of the package. Each says at which byte, in which field, and why."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = (
    "CaptureError",
    "EncodeError",
    "LimitError",
    "MalformedError",
    "MissingExtraError",
    "MmsCodecError",
    "TruncatedError",
)


class MmsCodecError(ValueError):
    """Base class: bytes or values that break the wire format.

    Attributes
    ----------
    offset : int
        Bytes from the start of the stream, file or structure.
    field : str
        Specification name of the field, or "".
    need, have : int
        What the field demanded and what was there.
    code : int
        The `mmscodec.schema.faults.FaultCode`, 0 where none fits.
    section : str
        Section of the specification.
    """

    def __init__(
        self,
        message: str,
        *,
        offset: int = 0,
        field: str = "",
        need: int = 0,
        have: int = 0,
        code: int = 0,
        section: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.field = field
        self.need = need
        self.have = have
        self.code = code
        self.section = section

    def __reduce__(self):
        state = {k: v for k, v in self.__dict__.items() if k != "message"}
        return _rebuild, (type(self), self.message, state)


class MalformedError(MmsCodecError):
    """The bytes cannot be what they claim to be."""


class TruncatedError(MmsCodecError):
    """The input ended before the thing did."""


class LimitError(MmsCodecError):
    """A ceiling that the caller set was reached."""


class EncodeError(MmsCodecError):
    """Values that do not fit the wire format."""


class CaptureError(MmsCodecError):
    """A capture file that cannot be read at all."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the text names the extra."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs {package}: install it with  pip install 'mmscodec[{extra}]'", name=package
        )
        self.package = package
        self.extra = extra

    def __reduce__(self):
        return type(self), (self.package, self.extra), self.__dict__


def _rebuild(cls: type[MmsCodecError], message: str, state: dict) -> MmsCodecError:
    error = cls(message)
    error.__dict__.update(state)  # with notes, and the batch of what was decoded before
    return error


def near(name: object, known: Iterable[str]) -> str:
    """`; did you mean 'Ping'?` where a known name is like `name`, else nothing.

    >>> near("messags", ("packets", "messages"))
    "; did you mean 'messages'?"
    """
    if not isinstance(name, str):
        return ""
    by_lower = {word.lower(): word for word in known}
    import difflib  # only a mistake needs it

    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    ends = [word for word in by_lower if name and word.endswith(name.lower())]
    best = (ends if len(ends) == 1 else found)[:1]
    return f"; did you mean {by_lower[best[0]]!r}?" if best else ""
