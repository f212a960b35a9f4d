"""A page for each command, from its argument parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from textwrap import dedent

from mmscodec.cli.main import COMMANDS, EXAMPLES, STATUS, parser
from tools.docs.markdown import cell, code, fenced, table


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    (action,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def spelled(action: argparse.Action) -> str:
    """An option as it is written: `-c N`, `--limit N`."""
    if action.nargs == 0:
        return ", ".join(code(name) for name in action.option_strings)
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    if not action.option_strings:
        return code(f"{value} ..." if action.nargs in ("*", "+") else value)
    return ", ".join(code(f"{name} {value}") for name in action.option_strings)


def options(command: argparse.ArgumentParser) -> str:
    """The options of a command, group by group."""
    parts = []
    for group in command._action_groups:
        rows = [
            [spelled(a), cell((a.help or "") % {**vars(a), "prog": command.prog})]
            for a in group._group_actions
            if a.help != argparse.SUPPRESS
        ]  # fmt: skip
        if rows:
            title = (group.title or "").capitalize()
            parts.append(f"## {title}\n\n{table(('written', 'is'), rows)}")
    return "\n".join(parts)


def usage(command: argparse.ArgumentParser) -> str:
    """The line of all options."""
    formatter = argparse.HelpFormatter(command.prog, width=88)
    formatter.add_usage(command.usage, command._actions, command._mutually_exclusive_groups, "")
    return formatter.format_help()


def pages() -> Iterator[tuple[str, str]]:
    """Names and texts, the index first."""
    known = commands()
    rows = [
        [f"[{code('mmscodec ' + name)}](commands/{name}.md)", cell(COMMANDS[name])]
        for name in known
    ]
    yield (
        "commands",
        "# Commands\n\n" + table(("command", "is"), rows)
        + f"\n{cell(STATUS[:1].upper() + STATUS[1:])}.\n",
    )  # fmt: skip
    for name, command in known.items():
        words = command.description or ""
        head = f"# mmscodec {name}\n\n{cell(words[:1].upper() + words[1:])}.\n\n"
        yield (
            f"commands/{name}",
            f"{head}{fenced(usage(command))}\n"
            f"## Examples\n\n{fenced(dedent(EXAMPLES[name]).strip())}\n{options(command)}\n"
            f"## Exit status\n\n{cell(STATUS.partition(': ')[2].capitalize())}.\n",
        )
