"""What the README shows is what happens."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from mmscodec.cli import main
from mmscodec.cli.main import parser
from tests.terminal import terminal

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
TOUR = next(text for _, text in BLOCKS if text.startswith("$ ./run decode"))


def test_the_tour_in_python_is_true(monkeypatch):
    monkeypatch.chdir(ROOT)
    example = "\n".join(text for kind, text in BLOCKS if kind == "pycon")
    test = doctest.DocTestParser().get_doctest(example, {}, "README", "README.md", 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_the_tour_on_the_command_line_is_true(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    command, *lines = TOUR.strip().splitlines()
    terminal(monkeypatch, max(map(len, lines)))
    assert main(shlex.split(command)[2:]) == 0
    printed = capsys.readouterr().out.splitlines()
    for line in lines:
        if line.strip() != "...":
            assert line in printed


@pytest.mark.parametrize(
    "line",
    [
        line.split("#")[0].split("| ")[-1].strip()
        for _, text in BLOCKS
        for line in text.splitlines()
        if re.search(r"(^|\| )mmscodec ", line)
    ],
)
def test_every_command_it_names_exists(line):
    assert parser().parse_args(shlex.split(line)[1:]).run
