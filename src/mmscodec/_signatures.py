"""Signatures of classes whose constructor is compiled, for `help` and `inspect.signature`."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Any


def keywords(**defaults: Any) -> Signature:
    """The signature of a constructor that takes these keywords alone.

    >>> str(keywords(max_packet=1048576))
    '(*, max_packet=1048576)'
    """
    return Signature(
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default)
            for name, default in defaults.items()
        ]
    )
