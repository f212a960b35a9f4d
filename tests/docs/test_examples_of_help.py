"""The examples of `mmscodec COMMAND --help`, which the pages of the commands show too, are run."""

import re

import pytest

from mmscodec.cli.main import EXAMPLES
from tests.docs.blocks import command
from tests.docs.test_pages import filled, shell
from tests.tables.consumers import library

__all__ = ("filled", "shell")
#: What is not run, and why.
NOT_RUN = {
    "tcpdump -i": "it needs root",
    "--follow": "it waits until somebody ends it; tests/cli/test_follow.py has it",
    "sql trace.pcap": "it is a prompt; tests/sql has it",
    "| tshark": "tshark may be missing; tests/cli/test_export.py reads what is exported",
    "; tshark": "tshark may be missing; tests/wireshark has it",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name, shell):
    for extra in {"sql": ["duckdb"], "convert": ["pyarrow"], "report": ["plotly"]}.get(name, ()):
        library(extra)
    if name == "completion":
        library("shtab")
    shell.one(command("mkdir -p .local/share/bash-completion/completions .zfunc", None))
    shell.one(command("mkdir -p .local/lib/wireshark/plugins", None))
    if name == "sql":
        shell.one(command("mmscodec convert -q --tables all -o tables trace.pcap", None))
    for number, line in enumerate(EXAMPLES[name].strip().splitlines()):
        words = re.split(r"  +", line.strip())[0]
        if any(part in words for part in NOT_RUN):
            continue
        words = words.replace("captures/*.pcap.zst", "captures/*.pcap")
        words = re.sub(r"(-o|--output) (tables|media)\b", rf"\1 \2-{number}", words)
        status, printed = shell.one(command(words, None))
        assert status in (0, 3), f"{words}\n{printed}"
