"""Small classes whose attributes are named once and do not change.

As frozen data classes, without code made for each class: six functions that are compiled at every
start of Python took a millisecond a class.
"""

from __future__ import annotations

from inspect import get_annotations
from typing import Any, ClassVar, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
class Frozen:
    """Base of such classes: annotations name the attributes, in order; values are defaults."""

    _names: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = tuple(get_annotations(cls))
        cls._names = (*cls._names, *(name for name in own if name not in cls._names))
        found = {name: cls.__dict__[name] for name in own if name in cls.__dict__}
        cls._defaults = {**cls._defaults, **found}

    def __init__(self, *values: Any, **named: Any) -> None:
        names, made = self._names, self.__dict__
        made.update(self._defaults)
        made.update(zip(names, values))
        made.update(named)
        twice = named.keys() & names[: len(values)]
        if twice or len(values) > len(names) or made.keys() != set(names):
            made.clear()
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} does not change: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change: {name}")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self is other or self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.__dict__[self._names[0]])  # equal ones are equal there

    def __repr__(self) -> str:
        pairs = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._names)
        return f"{type(self).__name__}({pairs})"


def replace(frozen: T, **changes: Any) -> T:
    """A copy with other values of some attributes."""
    return type(frozen)(**{**frozen.__dict__, **changes})
