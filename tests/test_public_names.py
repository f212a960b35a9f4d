"""What every module of the package gives to others is stated in `public_names.txt`, and no more."""

import re

import pytest

from tests.publicnames import SOURCE, TABLE, every_name, lines, modules, names_of

STATED = {
    name: names.split()
    for name, _, names in (
        line.partition(":") for line in TABLE.read_text(encoding="utf-8").splitlines()
    )
}
FOUND = every_name()
#: Packages for users; what other modules hold is for the package itself.
USERS = {
    "mmscodec", "mmscodec.aio", "mmscodec.asf", "mmscodec.capture", "mmscodec.cli",
    "mmscodec.collect",
    "mmscodec.distributed",
    "mmscodec.convert", "mmscodec.errors", "mmscodec.explain",
    "mmscodec.mms", "mmscodec.report", "mmscodec.schema.winmx", "mmscodec.sessions", "mmscodec.sql",
    "mmscodec.spark", "mmscodec.tables",
    "mmscodec.winmx", "mmscodec.winmx.cipher", "mmscodec.wireshark",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(STATED.keys() | FOUND.keys()))
def test_public_names_are_exactly_those_that_are_stated(name):
    """After a change that is meant: python -m tests.publicnames --write, and look at the diff."""
    assert FOUND.get(name) == STATED.get(name)


def test_the_table_is_as_it_is_written():
    assert TABLE.read_text(encoding="utf-8") == "\n".join(lines()) + "\n"


def test_modules_for_users_say_what_they_offer():
    said = {name for name, path in modules() if "__all__" in path.read_text(encoding="utf-8")}
    assert said == USERS


def test_a_new_public_name_is_seen():
    assert names_of("import os\nA: int = 1\n_b = 2\nC, _d = 1, 2\n") == ["A", "C"]
    assert names_of("def f(): x = 1\nif f():\n    class G: pass\nelse:\n    h = 1\n") == [
        "G", "f", "h",
    ]  # fmt: skip
    assert names_of("__all__ = ('z', 'y')\nx = 1\n") == ["y", "z"]


#: Files in which every name says something, whether another file asks for it or not.
WHOLE = {"winmx", "schema", "tables", "arrow.py", "arrow_stream.py", "convert"}


def used_by_one_file():
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in SOURCE.rglob("*")
        if path.suffix in (".py", ".pyx", ".pyi")
    }
    root = SOURCE.parent
    others = [
        path.read_text(encoding="utf-8")
        for folder in ("tests", "tools", "benchmarks", "examples")
        for path in (root / folder).rglob("*.py")
    ]
    words = {path: set(re.findall(r"\w+", text)) for path, text in texts.items()}
    outside = set().union(*(re.findall(r"\w+", text) for text in others))
    for module, path in modules():
        if module in USERS or path.parent.name in WHOLE or path.name in WHOLE:
            continue
        for name in names_of(texts[path]):
            if name not in outside and not any(
                name in found for other, found in words.items() if other != path
            ):
                yield f"{module}.{name}"


def test_what_no_other_file_uses_has_an_underscore():
    assert list(used_by_one_file()) == []
