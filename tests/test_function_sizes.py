"""No function over 60 lines, no nesting over 3, eight arguments at most; how they are counted."""

from pathlib import Path

from tests.functions import every_function, functions_of

LINES, NESTING, ARGUMENTS = 60, 3, 8
#: Public functions whose further arguments are options by name, which are the contract with users.
OPTIONS = {
    ("_facade.py", "open"),
    ("mms/encoding/__init__.py", "encode"),
    ("sessions/extract.py", "write_asf"),
}


def too_large():
    return {
        (one.file, one.name): one
        for one in every_function()
        if one.lines > LINES
        or one.nesting > NESTING
        or (one.arguments > ARGUMENTS and (one.file, one.name) not in OPTIONS)
    }


def test_no_function_is_too_long_too_deep_or_has_too_many_arguments():
    assert not too_large()


PYTHON = '''
class Some:
    def f(self, a, b=(1, 2), *c, d):
        """Two
        lines."""
        if a:
            for b in a:
                pass
        elif b:
            with c: pass
        return [x for x in y if x]
'''
CYTHON = '''
cdef class Some:
    def f(self, list a, int[:] b, c=f(1, 2)):
        """Two
        lines."""
        return a  # with a colon:

cdef inline int g(
    const uint8_t *p, size_t n
) noexcept nogil:
    # if it is: no
    while n and (
        p[0] == ":"
    ):
        if p:
            n -= 1
        elif n:
            with nogil: pass
    return 0
'''
C = """
/* f(int a) { */
static inline int f(const char *a, int b) {
    for (;;)
        if (a) {
            b++;
        }
    return b;
}
void g(void) { }
"""


def test_functions_are_counted_in_python():
    (one,) = functions_of(Path("x.py"), PYTHON)
    assert one[1:] == ("f", 7, 2, 3)


def test_functions_are_counted_in_cython():
    first, second = functions_of(Path("x.pyx"), CYTHON)
    assert first[1:] == ("f", 2, 0, 3)
    assert second[1:] == ("g", 12, 2, 2)


def test_functions_are_counted_in_c():
    first, second = functions_of(Path("x.h"), C)
    assert first[1:] == ("f", 7, 2, 2)
    assert second[1:] == ("g", 1, 0, 0)
