"""Every command beside every option that people expect; what is absent has a reason here."""

import argparse

import pytest

from mmscodec.cli.main import COMMANDS, parser

READ = {
    "decode", "stats", "sessions", "report", "sql", "convert", "collect", "extract", "export",
    "explain",
}  # fmt: skip
#: What each command that reads captures has: the name that people type, and what it is stored as.
EXPECTED = {
    "-r": "more_files", "-w": "write", "--strict": "strict", "--filter": "filter", "-f": "filter",
    "--port": "port", "-p": "port", "--ignore-vlan": "ignore_vlan", "--threads": "threads",
    "--follow": "follow", "--idle": "idle", "--flow": "flow", "--from": "since", "--to": "until",
    "--limit": "limit", "-c": "limit", "--charset": "charset", "--json": None, "--csv": None,
}  # fmt: skip
_PAGE = "a page is no rows; the numbers in it are those of sessions --json"
_NO_TEXT = "it shows no 8-bit text of a peer"
_WHOLE = "tables refer to each other's rows: the first N of each would refer to nothing"
_SERVICE = "a service writes what comes; what is wanted of it is chosen from its files"
#: Deliberately absent.
ABSENT = {
    ("collect", "--flow"): _SERVICE,
    ("collect", "--from"): _SERVICE,
    ("collect", "--to"): _SERVICE,
    ("collect", "--limit"): _SERVICE,
    ("collect", "-c"): _SERVICE,
    ("collect", "--json"): "rows go into Parquet files; its log has --log-format json",
    ("collect", "--csv"): "rows go into Parquet files; mmscodec sql --csv reads them",
    ("collect", "--threads"): "it has a thread that decodes and one that writes",
    ("report", "--json"): _PAGE,
    ("report", "--csv"): _PAGE,
    ("stats", "--csv"): "lists of different columns; --json has them in one object",
    ("explain", "--csv"): "fields are nested and different in each thing; --json has them",
    ("convert", "--limit"): _WHOLE,
    ("convert", "-c"): _WHOLE,
    ("stats", "--charset"): _NO_TEXT,
    ("export", "--charset"): _NO_TEXT,
    ("extract", "--charset"): "names of files are UTF-16 on the wire",
}
#: Options that mean the same everywhere, so their kind must be the same everywhere.
SAME = ("--filter", "--port", "--threads", "--from", "--to", "--limit", "--charset", "--idle")


def options_of(command):
    """The options of the real parser: by each spelling."""
    found = next(a for a in parser(command)._actions if isinstance(a, argparse._SubParsersAction))
    return found.choices[command]._option_string_actions


@pytest.mark.parametrize("command", sorted(READ))
def test_commands_that_read_captures_have_what_people_type(command):
    have = options_of(command)
    for option, stored in EXPECTED.items():
        if (command, option) in ABSENT:
            assert option not in have, f"{command} {option} is there after all"
            continue
        assert option in have, f"{command} has no {option}"
        assert stored in (None, have[option].dest)


def test_what_is_absent_is_absent_of_a_command_and_option_that_there_are():
    assert {command for command, _ in ABSENT} <= READ
    assert {option for _, option in ABSENT} <= set(EXPECTED)
    assert all(len(reason.split()) > 4 for reason in ABSENT.values())


def test_the_others_open_no_capture():
    # scan copies what matters of many files, join decodes all of that: nothing is chosen
    assert set(COMMANDS) - READ == {"wireshark", "completion", "scan", "join"}
    for command in ("wireshark", "completion"):
        assert not set(EXPECTED) & set(options_of(command))


@pytest.mark.parametrize("option", SAME)
def test_an_option_takes_the_same_everywhere(option):
    kinds = {
        getattr(options_of(command)[option].type, "__name__", None)
        for command in READ
        if (command, option) not in ABSENT
    }
    assert len(kinds) == 1


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_an_option_has_one_meaning_in_a_command_and_a_help(command):
    for option, action in options_of(command).items():
        assert action.help, option
