"""All mutants in one source: each changed line has its variants, and a number says which one runs.

So the package is compiled once for all of them. `MUT(n)` is true when mutant n runs; it also notes
that the line was reached, which says what tests concern it.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tools.mutants.operators import Change, changes
from tools.mutants.source import Line, assigned, logical_lines, split_top

#: Calls that tell processor or compiler something, and change no result.
HINTS = ("prefetch(", "advise_block(")
CIMPORT = "from mmscodec._kernels.mutant cimport MUT\n"
BRANCH = re.compile(r"(if|elif|while) (.*):$")
LOOP = re.compile(r"for (\w+(?:\.\w+)*) in range\((.*)\):$")
DECLARE = re.compile(r"cdef ((?:const )?(?:struct )?\w+ )(.*)$")


class Mutant(NamedTuple):
    """One changed line. `name` is the same as long as function and line are."""

    name: str
    file: str
    function: str
    kind: str
    before: str
    after: str


class Place(NamedTuple):
    """A line of a function with the mutants of it."""

    line: Line
    mutants: list[Mutant]


def variants(line: Line) -> Iterator[tuple[str, str]]:
    """Every mutant of a logical line: its kind and the changed line."""
    text = line.text
    if match := BRANCH.match(text):
        word, condition = match[1], match[2]
        yield "negated", f"{word} not ({condition}):"
        for change in changes(condition):
            yield change.kind, f"{word} {changed(condition, change)}:"
    elif match := LOOP.match(text):
        parts = split_top(match[2])
        for number, part in enumerate(parts[:2]):
            for change in changes(part):
                new = [*parts[:number], changed(part, change), *parts[number + 1 :]]
                yield change.kind, f"for {match[1]} in range({', '.join(new)}):"
    elif match := DECLARE.match(text):
        yield from of_declaration(match[1], match[2])
    elif not text.endswith(":") and text != "pass":
        yield from of_statement(line)


def of_declaration(start: str, rest: str) -> Iterator[tuple[str, str]]:
    """Mutants of the values of declared variables."""
    parts = split_top(rest)
    for number, part in enumerate(parts):
        if (at := assigned(part)) < 0:
            continue
        value = part[at + 2 :]
        for change in changes(value):
            new = [*parts[:number], part[: at + 2] + changed(value, change), *parts[number + 1 :]]
            yield change.kind, f"cdef {start}{', '.join(new)}"


def of_statement(line: Line) -> Iterator[tuple[str, str]]:
    """Mutants of an assignment, a call, a return, a break or a continue."""
    text = line.text
    if not text.startswith("return") or line.indent > 4:
        yield "deleted", "pass"
    skip = len("return ") if text.startswith("return ") else 0
    for change in changes(text[skip:]):
        yield change.kind, text[:skip] + changed(text[skip:], change)


def changed(text: str, change: Change) -> str:
    """The text with one change."""
    return text[: change.start] + change.text + text[change.end :]


def places(file: str, text: str) -> Iterator[Place]:
    """Every line of a kernel that has mutants."""
    seen: dict[tuple[str, str], int] = {}
    for line in logical_lines(text):
        if not line.function or line.text.startswith(HINTS):
            continue
        number = seen.setdefault((line.function, line.text), 0)
        seen[line.function, line.text] += 1
        found = []
        for kind, after in dict.fromkeys(variants(line)):
            words = f"{file}\0{line.function}\0{line.text}\0{number}\0{after}"
            name = hashlib.sha256(words.encode()).hexdigest()[:12]
            found.append(Mutant(name, file, line.function, kind, line.text, after))
        if found:
            yield Place(line, found)


def woven(file: str, text: str, numbers: dict[str, int], mark: Callable[[int, str], None]) -> str:
    """The source with those mutants whose names have numbers; `mark(line, name)` for each."""
    physical = text.split("\n")
    out: list[str] = [CIMPORT.rstrip()]
    done = 0
    for place in places(file, text):
        chosen = [mutant for mutant in place.mutants if mutant.name in numbers]
        if not chosen:
            continue
        out += physical[done : place.line.first]
        for line, mutant in rewritten(place.line, chosen, numbers):
            out.append(" " * place.line.indent + line)
            if mutant:
                mark(len(out), mutant)
        done = place.line.end
    return "\n".join(out + physical[done:])


def rewritten(
    line: Line, mutants: list[Mutant], numbers: dict[str, int]
) -> Iterator[tuple[str, str]]:
    """Physical lines in place of a logical one, each with the mutant that it belongs to."""
    if match := BRANCH.match(line.text):
        yield f"{match[1]} (", ""
        for mutant in mutants:
            condition = BRANCH.match(mutant.after)[2]  # type: ignore[index]
            yield f"    (not (not ({condition}))) if MUT({numbers[mutant.name]}) else", mutant.name
        yield f"    (not (not ({match[2]}))) ):", ""
    elif match := LOOP.match(line.text):
        parts = [[part] for part in split_top(match[2])]
        for mutant in mutants:
            others = split_top(LOOP.match(mutant.after)[2])  # type: ignore[index]
            for part, other in zip(parts, others, strict=True):
                if other != part[0]:
                    part.append(f"({other}) if MUT({numbers[mutant.name]}) else")
        words = ["(" + " ".join([*part[1:], f"({part[0]})"]) + ")" for part in parts[:2]]
        words += [part[0] for part in parts[2:]]
        yield f"for {match[1]} in range({', '.join(words)}):", mutants[0].name
    elif match := DECLARE.match(line.text):
        yield from declared(match[1], match[2], mutants, numbers)
    else:
        for number, mutant in enumerate(mutants):
            word = "elif" if number else "if"
            yield f"{word} MUT({numbers[mutant.name]}): {mutant.after}", mutant.name
        yield f"else: {line.text}", ""


def declared(
    start: str, rest: str, mutants: list[Mutant], numbers: dict[str, int]
) -> Iterator[tuple[str, str]]:
    """A declaration for each of the declared variables."""
    parts = split_top(rest)
    for number, part in enumerate(parts):
        at = assigned(part)
        words, names = [], []
        for mutant in mutants:
            other = split_top(DECLARE.match(mutant.after)[2])[number]  # type: ignore[index]
            if other != part:
                words.append(f"({other[at + 2 :]}) if MUT({numbers[mutant.name]}) else")
                names.append(mutant.name)
        if not words:
            yield f"cdef {start}{part}", ""
        else:
            value = " ".join([*words, f"({part[at + 2 :]})"])
            yield f"cdef {start}{part[: at + 2]}({value})", names[0]
