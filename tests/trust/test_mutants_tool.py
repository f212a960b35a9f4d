"""What the tool for mutants changes, and that its woven sources mean the same without a mutant."""

import pytest

from tools.mutants import build, results
from tools.mutants.operators import changes
from tools.mutants.source import logical_lines
from tools.mutants.weave import places, woven

SOURCE = """
cdef inline int f(const uint8_t *p, size_t n) noexcept nogil:
    # a < b in a comment
    cdef size_t i = 0, k = n - 1
    if n < 8 and not (
        p[0] == 0x22  # here too
    ):
        return -1
    for i in range(k):
        k += <size_t>p[i] + A_NAME
    return <int>(n - k)
"""


def after(text):
    return [text[: one.start] + one.text + text[one.end :] for one in changes(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", ["a <= b"]),
        ("a == b and c", ["a != b and c", "a == b or c"]),
        ("<int>a + 1", ["<int>a - 1", "<int>a + 2", "<int>a + 0"]),
        ("x - y[1]", ["x + y[1]", "y[1] - x", "x - y[2]", "x - y[0]"]),
        ("not a", ["a"]),
        ("a in (1, 2)", ["a not in (1, 2)", "a in (2, 2)", "a in (0, 2)", "a in (1, 3)",
                         "a in (1, 1)"]),
        ("f(*p, &q, -1)", []),
        ("x.A_NAME << sizeof(a_t)", ["x.A_NAME >> sizeof(a_t)", "sizeof(a_t) << x.A_NAME"]),
    ],
)  # fmt: skip
def test_every_change_of_an_expression(text, expected):
    assert [one for one in after(text) if "(A_NAME + 1)" not in one][: len(expected)] == expected


def test_lines_are_whole_and_without_comments():
    lines = [line.text for line in logical_lines(SOURCE) if line.function == "f"]
    assert lines[1] == "if n < 8 and not (p[0] == 0x22):"
    assert not any("comment" in line for line in lines)


def test_a_source_woven_with_nothing_is_the_source():
    made = woven("x.pyx", SOURCE, {}, lambda line, name: None)
    assert made.split("\n", 1)[1] == SOURCE


def test_every_chosen_mutant_is_on_a_line_of_its_own():
    mutants = [one for place in places("x.pyx", SOURCE) for one in place.mutants]
    numbers = {one.name: number for number, one in enumerate(mutants)}
    marked = {}
    made = woven("x.pyx", SOURCE, numbers, marked.__setitem__)
    lines = made.split("\n")
    for number, one in enumerate(mutants):
        assert f"MUT({number})" in made, one
    assert all("MUT(" in lines[line - 1] for line in marked)
    assert len(mutants) == len(numbers) > 20


def test_there_are_thousands_of_mutants_and_more_than_a_thousand_are_chosen():
    mutants = build.mutants()
    chosen = build.chosen(mutants)
    assert len(mutants) > 20000
    assert len({one.name for one in mutants}) == len(mutants)
    assert 1000 < len(chosen) < 2000


def test_results_are_about_states_that_there_are():
    known = results.read()
    states = {one.state.split()[0] for one in known.values()}
    assert states <= {"killed", "died", "survived", "undecided", "not", "refused"}
    for one in known.values():
        assert bool(one.test) == (one.state.split()[0] in ("killed", "died")), one
    assert set(results.reasons()) <= set(known)
