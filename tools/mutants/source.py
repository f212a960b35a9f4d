"""Logical lines of Cython sources: what stands in functions, without comments, on one line each."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

QUOTED = re.compile(r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*')
FUNCTION = re.compile(r"cdef\s[^(=]*?(\w+)\(.*\bnogil:$")


class Line(NamedTuple):
    """A logical line: its physical lines from `first` to before `end`, counted from 0."""

    first: int
    end: int
    indent: int
    text: str
    function: str  # the function that it stands in, "" outside


def without_comments(text: str) -> str:
    """The text with comments taken out; strings and the number of lines stay."""
    return QUOTED.sub(lambda match: "" if match[0][0] == "#" else match[0], text)


def logical_lines(text: str) -> Iterator[Line]:
    """All logical lines of a source."""
    function, inside = "", 0
    physical = without_comments(text).split("\n")
    number = 0
    while number < len(physical):
        first, whole = number, physical[number]
        number += 1
        while number < len(physical) and (whole.rstrip().endswith("\\") or open_brackets(whole)):
            whole = whole.rstrip().removesuffix("\\") + " " + physical[number].strip()
            number += 1
        stripped = re.sub(r"(?<=[(\[{]) +| +(?=[)\]}])", "", whole.strip())
        if not stripped:
            continue
        indent = len(whole) - len(whole.lstrip())
        if function and indent <= inside:
            function = ""
        yield Line(first, number, indent, stripped, function)
        if match := FUNCTION.match(stripped):
            function, inside = match[1], indent


def open_brackets(text: str) -> bool:
    """Whether a bracket is still open at the end."""
    bare = QUOTED.sub("", text)
    return sum(bare.count(b) for b in "([{") > sum(bare.count(b) for b in ")]}")


def top_level(text: str, sign: str) -> list[int]:
    """Where `sign` stands outside of all brackets and strings."""
    found, depth, at = [], 0, 0
    while at < len(text):
        if text[at] == '"':
            at += len(QUOTED.match(text, at)[0])  # type: ignore[index]
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0 and text[at] == sign:
            found.append(at)
        at += 1
    return found


def split_top(text: str, sign: str = ",") -> list[str]:
    """The parts of a text between signs outside of brackets."""
    cuts = [-1, *top_level(text, sign), len(text)]
    return [text[a + 1 : b].strip() for a, b in pairwise(cuts)]


def assigned(text: str) -> int:
    """Where the `=` of a simple assignment stands, -1 where there is none."""
    for at in top_level(text, "="):
        if text[at + 1 : at + 2] != "=" and text[at - 1] not in "=!<>":
            return at
    return -1
