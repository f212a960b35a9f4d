"""What C leaves to the compiler or the system, kept out of the sources."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mmscodec import mms

SOURCES = Path(__file__).resolve().parent.parent / "src"
INT_MAX = 2**31 - 1
ENUM = re.compile(r"^ *(?:cp?def|ctypedef) +(?:extern +)?enum\b")
STRUCT = re.compile(r"^ *(?:cdef|ctypedef) +(?:packed +)?(?:struct|union)\b")
MEMBER = re.compile(r"\b([A-Za-z_]\w*)(?:\[[^\]]*\])*\s*(?:,|$)")
# Object-like macros of <windows.h> and of what it includes: a struct member keeps its name in C.
WINDOWS_MACROS = """
    cdecl environ errno far h_addr h_errno hyper interface isascii max midl_user_allocate
    midl_user_free min near onexit_t pascal s_addr s_host s_imp s_impno s_lh s_net small
    stderr stdin stdout sys_errlist sys_nerr toascii uuid_t
    BOOL BYTE CALLBACK CONST DELETE DIFFERENCE DOMAIN ERROR FAR IN INFINITE MAX_PATH NEAR
    NO_ERROR OPTIONAL OUT OVERFLOW PASCAL STRICT THIS TRUE FALSE UNDERFLOW VOID
"""


def blocks(text: str, head: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Number and code of each line in the indented blocks that `head` begins."""
    depth = None
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("#")[0].rstrip()
        if not code:
            continue
        indent = len(code) - len(code.lstrip())
        if depth is not None and indent > depth:
            yield number, code.strip()
            continue
        depth = indent if head.match(code) and code.endswith(":") else None


def too_wide(text: str) -> list[str]:
    """Enumerators whose value is past INT_MAX, below INT_MIN, or behind a cast or a suffix."""
    found = []
    known: dict[str, int] = {}
    for number, code in blocks(text, ENUM):
        for name, shown in re.findall(r"(\w+)\s*=\s*([^,]+)", code):
            try:
                value = known[name] = eval(shown, {"__builtins__": {}}, dict(known))
            except (NameError, SyntaxError):
                found.append(f"{number}: {name} = {shown}: not plain enough to judge")
                continue
            if not -INT_MAX <= value <= INT_MAX:
                found.append(f"{number}: {name} = {shown}")
    return found


def cython_sources() -> list[Path]:
    files = sorted(SOURCES.rglob("*.p[yx][xd]"))
    assert len(files) > 50
    return files


def test_every_enumerator_is_an_int():
    # One value past INT_MAX makes the whole enumeration unsigned for gcc 13 and later and for
    # clang, signed 64 for others, and negative for MSVC. Such a number is a uint32_t macro.
    found = {path.name: bad for path in cython_sources() if (bad := too_wide(path.read_text()))}
    assert not found


@pytest.mark.parametrize(
    "shown", ["0x80000000", "<unsigned int>0xFFFFFFFF", "-2147483649", "1 << 31", "4294967295"]
)
def test_an_enumerator_that_is_no_int_is_found(shown):
    assert too_wide(f"cdef enum:\n    SMALL = 1\n    WIDE = {shown}  # of a kind\n")
    assert not too_wide(f"cdef enum:\n    SMALL = 1\ncdef int f():\n    wide = {shown}\n")


def clashes(text: str) -> set[str]:
    members = {name for _, code in blocks(text, STRUCT) for name in MEMBER.findall(code)}
    return members & set(WINDOWS_MACROS.split())


def test_no_struct_member_has_the_name_of_a_macro_of_windows():
    found = {path.name: bad for path in cython_sources() if (bad := clashes(path.read_text()))}
    assert not found


def test_a_clash_with_a_macro_is_found():
    assert clashes("cdef packed struct row_t:\n    int64_t time, near\n    int far[4]\n") == {
        "near",
        "far",
    }


def data_packet(location: int, size: int) -> bytes:
    return struct.pack("<IBBH", location, 4, 0, size) + bytes(range(size - 8))


@pytest.mark.parametrize("first", [1, 4096, 70000])
@pytest.mark.parametrize("step", [1, 63, 64, 65, 1000, 4095, 4096, -1, -64, -1000, -4096])
def test_data_packets_whose_numbers_jump_are_all_rows(first, step):
    # the comparison with -FAR: 44 bytes, of which a compiler with another enumeration lost two rows
    numbers = [first + 2 * 4096 + i * step for i in range(3)]
    sizes = [12, 16, 16]
    batch = mms.decode(b"".join(map(data_packet, numbers, sizes)))
    np.testing.assert_array_equal(batch.data["location_id"], numbers)
    np.testing.assert_array_equal(batch.data["length"], sizes)
    assert len(batch.faults) == 0
    assert batch.consumed == 44


def test_no_function_of_ours_has_a_name_that_a_standard_header_defines():
    # Python 3.15 includes <stdatomic.h>, where these are macros; C23 adds stdc_ and more
    taken = re.compile(r"\b(?:atomic|thrd|mtx|cnd|tss|stdc|memory_order)_\w+(?=\()")
    found = {}
    for path in [*SOURCES.rglob("*.h"), *cython_sources()]:
        names = set(taken.findall(path.read_text()))
        if names:
            found[path.name] = names
    assert taken.findall("atomic_store(&p, 1)")
    assert not found


def test_the_quick_job_of_the_compilers_names_tests_that_exist():
    root = SOURCES.parent
    listed = re.findall(r'"(tests/[^"]+)"', (root / "tools/compilers/suite.py").read_text())
    listed += re.findall(r'"(tests/[^"]+)"', (root / "tools/compilers/foreign.py").read_text())
    assert len(listed) > 10
    assert [name for name in listed if not (root / name).exists()] == []
