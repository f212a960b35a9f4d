"""What README.md and the pages of docs show is what happens: every command, every example."""

import doctest
import re
import shutil
import sys

import pytest

from tests.docs import blocks as pages
from tests.docs.sandbox import Shell, fill
from tests.tables.consumers import library
from tools.docs.commandline import commands


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    if sys.platform == "win32":
        pytest.skip("the commands of the pages are written for a POSIX shell")
    folder = tmp_path_factory.mktemp("docs") / "filled"
    folder.mkdir()
    fill(folder)
    return folder


@pytest.fixture
def shell(filled, tmp_path, monkeypatch):
    folder = tmp_path / "page"
    shutil.copytree(filled, folder, symlinks=True)
    return Shell(folder, monkeypatch)


def run_python(shell, block):
    if block.language == "python":
        exec(compile(block.text, str(block), "exec"), shell.names)
        return
    parser, report = doctest.DocTestParser(), []
    test = parser.get_doctest(block.text, shell.names, str(block), str(block.page), block.line)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    runner.run(test, out=report.append, clear_globs=False)
    shell.names.update(test.globs)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize(
    "page", pages.PAGES, ids=lambda page: page.relative_to(pages.ROOT).as_posix()
)
def test_commands_and_options_that_are_named_in_a_line_exist(page):
    known = commands()
    for words in re.findall(r"`mmscodec ([^`]+)`", page.read_text(encoding="utf-8")):
        name, *rest = words.split()
        if name == "COMMAND":
            continue
        assert name in known, words
        options = {word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        assert options <= set(known[name]._option_string_actions), words


def test_what_stands_beside_tshark_runs(shell):
    text = (pages.ROOT / "docs" / "coming-from-tshark.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `tshark[^|]*\| `(mmscodec [^`]+)`", text, re.M)
    assert len(found) > 5
    for words in found:
        words = words.replace("COLUMN", "mid_name").replace("TABLE", "messages")
        words = re.sub(r"\bF\b", "trace.pcap", re.sub(r"\bN\b", "1", words)).replace(
            "OUT", "new.pcap"
        )
        if "sql" in words:
            library("duckdb")
        status, printed = shell.one(pages.command(words, None))
        assert status in (0, 3), printed


def run_sql(shell, block):
    from mmscodec.sql import Database

    cap = shell.names["cap"]
    assert Database(cap).execute(block.text).description


HAVE_CODE = [page for page in pages.PAGES if pages.blocks(page)]
NEED = ("duckdb", "pandas", "polars", "pyarrow")


@pytest.mark.parametrize(
    "page", HAVE_CODE, ids=lambda page: page.relative_to(pages.ROOT).as_posix()
)
def test_a_page_does_what_it_says(page, shell):
    text = page.read_text(encoding="utf-8")
    for name in NEED:
        if name in text or (name == "duckdb" and "mmscodec sql" in text):
            library(name)
    for block in pages.blocks(page):
        if block.language in ("sh", "console"):
            shell.run(block)
        elif block.language in ("python", "pycon") and not block.reason:
            run_python(shell, block)
        elif block.language == "sql" and not block.reason:
            run_sql(shell, block)
    if shell.missing:
        pytest.skip(f"not installed, so not run: {', '.join(sorted(shell.missing))}; the rest was")


@pytest.mark.parametrize(
    "page", HAVE_CODE, ids=lambda page: page.relative_to(pages.ROOT).as_posix()
)
def test_no_command_hides_in_a_block_that_is_not_run(page):
    for block in pages.blocks(page):
        if block.language not in pages.RUN and not block.reason:
            assert not pages.COMMAND.search(block.text), str(block)
