"""The file that counts executions: what it holds, and how a run gets into it."""

import re
import shutil
from collections import Counter
from datetime import date

from tools.fuzz import build, facade, ledger

RUN = ledger.Run("2026-11-28", "0123abcde", "kernel", "mms_decode", 1000, 0)


def test_every_line_names_a_day_a_commit_and_a_target():
    found = ledger.runs()
    known = {"kernel": {*build.targets(), "all"}, "facade": set(facade.TARGETS), "outside": {"all"}}
    for run in found:
        date.fromisoformat(run.date)
        assert re.fullmatch(r"[0-9a-f]{7,40}\+?|before", run.commit)
        assert run.target in known[run.kind]
        assert run.executions > 0
        assert run.findings >= 0
    assert len({run[:4] for run in found}) == len(found)


def test_runs_of_one_day_commit_and_target_share_a_line(tmp_path):
    path = tmp_path / "executions.csv"
    shutil.copy(ledger.FILE, path)
    before = ledger.runs(path)
    ledger.add(RUN, path)
    ledger.add(RUN._replace(executions=24, findings=1), path)
    ledger.add(RUN._replace(target="mms_stream"), path)
    assert ledger.runs(path) == [
        *before, RUN._replace(executions=1024, findings=1), RUN._replace(target="mms_stream"),
    ]  # fmt: skip


def test_totals_are_sums_by_kind_and_target():
    runs = [RUN, RUN._replace(date="2026-11-29"), RUN._replace(kind="facade", executions=5)]
    assert ledger.totals(runs)["kernel"] == Counter(mms_decode=2000)
    assert ledger.lines(runs)[:3] == [
        "kernel: 2,000 executions, 0 findings", "    mms_decode: 2,000",
        "facade: 5 executions, 0 findings",
    ]  # fmt: skip
