"""Every class and variable of a module that two threads could meet at is on docs/threads.md."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "mmscodec"
PAGE = (ROOT / "docs" / "threads.md").read_text(encoding="utf-8")
CLASSES = re.findall(r"^\| `(\w+)` \| `([\w/]+\.pyx)` \| (\w+) \|", PAGE, re.MULTILINE)
VARIABLES = {
    (name, file)
    for names, file in re.findall(r"^\| (`[^|]+`) \| `([\w/]+\.\w+)` \|", PAGE, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
} - {(name, file) for name, file, _ in CLASSES}


def text_of(path):
    return path.read_text(encoding="utf-8")


def found(pattern, ending):
    """(name, file) of each line that matches."""
    return {
        (name, path.relative_to(SOURCES).as_posix())
        for path in SOURCES.rglob(f"*{ending}")
        for names in re.findall(pattern, text_of(path), re.MULTILINE)
        for name in re.findall(r"\w+", re.sub(r"=[^,]*|\[.*?\]", "", names))
    }


def test_every_class_of_cython_is_there():
    assert {(name, file) for name, file, _ in CLASSES} == found(r"^ *cdef class (\w+)", ".pyx")
    assert len(CLASSES) == len({(name, file) for name, file, _ in CLASSES})


def test_what_raises_does_so_in_its_file():
    assert {how for *_, how in CLASSES} == {"raises", "owned", "constant"}
    for _, file, how in CLASSES:
        if how == "raises":
            assert "raise RuntimeError" in text_of(SOURCES / file), file


def test_every_variable_of_a_module_is_there():
    kinds = r"^cdef (?:object|list|dict|set|int|bint|size_t|char|double|\w+_t) \*?(\w+[^(:\n]*)$"
    compiled = found(kinds, ".pyx") | found(kinds, ".pxd")
    values = r"(?:\{\}|\[\]|set\(|deque\(|Counter\(|threading\.)"
    written = found(rf"^(\w+)(?:: (?!Mapping)[^=\n]+)? = {values}", ".py")
    statics = found(r"^ +static MMSCODEC_OF_THREAD \w+ (\w+);", ".h")
    assert compiled | written | statics == VARIABLES


def test_no_module_says_that_it_needs_no_lock():
    """Until the rows that raise do it by one atomic step, and an interpreter was there to try."""
    assert '"freethreading_compatible": False' in text_of(ROOT / "setup.py")
    for path in SOURCES.rglob("*.pyx"):
        assert "freethreading_compatible" not in text_of(path)
