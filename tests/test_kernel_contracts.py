"""Every function of the kernels says what it needs, writes and returns, where it is declared."""

import re
from pathlib import Path

import pytest

KERNELS = Path(__file__).resolve().parent.parent / "src" / "mmscodec" / "_kernels"
SOURCES = sorted([*KERNELS.rglob("*.pxd"), *KERNELS.rglob("*.pyx")])
FUNCTION = re.compile(
    r"^cdef (?:inline )?(?!struct|enum|extern|class|packed)[\w \*]*?\*?(?P<name>\w+)"
    r"\((?:[^()]|\([^()]*\))*\)[^\n:#]*(?P<definition>:?) *(?P<comment>#)?.*$",
    re.MULTILINE,
)


def heads_of(block: str) -> bool:
    """Whether a comment heads a block of declarations: what stands there without a blank line."""
    return any(line.startswith("#") for line in block.splitlines())


def silent(text: str, declared: str = "") -> list[str]:
    """Functions of a source that say nothing, neither here nor in `declared`, their .pxd file."""
    found = []
    for match in FUNCTION.finditer(text):
        before = text[: match.start()].rstrip("\n") if text[: match.start()] else ""
        last = before.rpartition("\n")[2]
        near = len(text[: match.start()]) - len(before) <= 1
        inside = text[match.end() :].lstrip("\n").startswith("    #")
        said = (near and last.startswith("#")) or (match["definition"] and inside)
        if not match["definition"]:
            block = text[: match.start()].rpartition("\n\n")[2]
            said = said or match["comment"] or heads_of(block)
        elif re.search(rf"\b{match['name']}\(", declared):
            said = True  # the contract stands with the declaration
        if not said:
            found.append(match["name"])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(KERNELS).as_posix())
def test_functions_say_what_they_do(path):
    header = path.with_suffix(".pxd")
    declared = header.read_text("utf-8") if path.suffix == ".pyx" and header.exists() else ""
    assert silent(path.read_text("utf-8"), declared) == []


def test_functions_that_say_nothing_are_seen():
    assert silent("cdef int f(int a) noexcept nogil\n") == ["f"]
    assert silent("cdef inline int f(\n    int a\n) noexcept nogil:\n    return 0\n") == ["f"]
    assert silent("cdef int f(int a) noexcept nogil:\n    return 0\n", "cdef int f(int a)") == []
    assert silent("# gives a\ncdef int f(int a) noexcept nogil\n") == []
    assert silent("cdef int f(int a) noexcept nogil  # a\n") == []
    assert silent("# both\ncdef int f(int a) noexcept nogil\ncdef int g() noexcept nogil\n") == []
    assert silent("# no\n\ncdef int f(int a) noexcept nogil\n") == ["f"]
    assert silent("cdef int f(int a) noexcept nogil:\n    # gives a\n    return a\n") == []


def test_most_functions_are_found():
    assert sum(len(FUNCTION.findall(path.read_text("utf-8"))) for path in SOURCES) > 900
