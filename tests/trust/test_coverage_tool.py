"""The list of what tests do not take, and how counts become one."""

from collections import Counter

from tools.coverage import exceptions
from tools.coverage.counts import owners

GENERATED = """
static int __pyx_f_8mmscodec_8_kernels_1x_f(int n) {
  int utility = 0;
  /* "mmscodec/_kernels/x.pyx":7
 * if n:             # <<<<<<<<<<<<<<
*/
  if (n) {
    /* "mmscodec/_kernels/x.pyx":8
*/
    return 1;
  }
  /* function exit code */
  return utility;
}
int other(void) { return 0; }
"""


def test_only_c_behind_a_mark_belongs_to_a_line(tmp_path):
    path = tmp_path / "x.c"
    path.write_text(GENERATED)
    lines = GENERATED.split("\n")
    found = {lines[number - 1].strip(): place[1] for number, place in owners(path).items()}
    assert found["if (n) {"] == 7
    assert found["return 1;"] == 8
    assert not {"int utility = 0;", "return utility;", "int other(void) { return 0; }"} & set(found)


def test_every_entry_of_the_list_has_a_reason_of_a_known_class():
    listed = exceptions.listed()
    assert listed
    kinds = Counter(reason.split(":")[0] for _, reason in listed.values())
    assert kinds["memory"] > 100
    for entry, (times, reason) in listed.items():
        assert times > 0, entry
        kind, _, why = reason.partition(": ")
        assert kind == "open" or why, entry


def test_a_list_that_is_not_true_is_told(monkeypatch):
    entry = exceptions.Entry("x.pyx", "f", "line", "return 1")
    monkeypatch.setattr(exceptions, "not_taken", lambda counts: Counter({entry: 1}))
    monkeypatch.setattr(exceptions, "listed", dict)
    assert len(exceptions.untrue({})) == 1
    monkeypatch.setattr(exceptions, "listed", lambda: {entry: (1, "open")})
    assert exceptions.untrue({}) == []
    monkeypatch.setattr(exceptions, "listed", lambda: {entry: (2, "open")})
    assert len(exceptions.untrue({})) == 1
    monkeypatch.setattr(exceptions, "listed", lambda: {entry: (2, "chance: x")})
    assert exceptions.untrue({}) == []
