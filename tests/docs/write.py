"""Put what the commands of pages print now into the pages: `python -m tests.docs.write PAGE...`.

Look at the difference before it is committed. Output that is shown with gaps (``...``) stays.
"""

import sys
import tempfile
from pathlib import Path

import pytest

from tests.docs import blocks as pages
from tests.docs.sandbox import Shell, fill
from tests.docs.test_pages import run_python


def filled(block, shell):
    """The text of a block of commands with their output."""
    out = []
    lines = iter(block.text.splitlines())
    kept = [line for line in lines if line.startswith("$ ")]
    for line, item in zip(kept, pages.commands(block)):
        printed = item.shown
        status, now = (item.statuses[0], "") if item.reason or block.reason else shell.one(item)
        if not (item.reason or block.reason) and "..." not in [s.strip() for s in item.shown]:
            printed = [text.rstrip() for text in now.rstrip("\n").splitlines()]
        if status not in item.statuses:
            print(f"{block}: {item.words}: status {status}", file=sys.stderr)
        out += [line, *printed]
    return "\n".join(out) + "\n"


def rewrite(path, shell):
    """The page with its blocks of commands filled."""
    text = path.read_text(encoding="utf-8")
    for block in pages.blocks(path):
        if block.language == "console":
            old = f"```console\n{block.text}```"
            text = text.replace(old, f"```console\n{filled(block, shell)}```", 1)
        elif block.language == "sh":
            shell.run(block)
        elif block.language in ("python", "pycon") and not block.reason:
            try:
                run_python(shell, block)
            except AssertionError as error:  # answers of Python are put right by hand
                print(error, file=sys.stderr)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            fill(Path(folder))
            rewrite(page, Shell(Path(folder), patch))
