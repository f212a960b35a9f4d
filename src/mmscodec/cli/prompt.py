"""Questions one after the other, with a history that stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

_HELP = "a query ends with ;  .tables  .columns TABLE  .quit"


def history_file() -> Path:
    """Where the history is kept: $XDG_STATE_HOME/mmscodec/sql_history."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "mmscodec" / "sql_history"


def converse(database: Any, ask: Callable[[str], int]) -> int:
    """Answer until the end of input; 0."""
    keep = _history()
    print(_HELP)
    text = ""
    while True:
        try:
            line = input("   ...> " if text else "mmscodec> ")
        except EOFError:
            print()
            break
        except KeyboardInterrupt:
            text = ""
            print()
            continue
        if not text and line.strip().startswith("."):
            if not _order(database, line.split()):
                break
            continue
        text += line + "\n"
        if line.rstrip().endswith(";"):
            ask(text)
            text = ""
    keep()
    return 0


def _order(database: Any, words: list[str]) -> bool:
    # what begins with a point; whether to go on
    if words[0] in (".quit", ".exit"):
        return False
    if words[0] == ".tables":
        print("\n".join(database.tables))
    elif words[0] == ".columns" and len(words) == 2 and words[1] in database.tables:
        for name, about in database.columns(words[1]).items():
            print(f"{name}  {about['type']}  {about.get('unit', '')}".rstrip())
    else:
        print(_HELP)
    return True


def _history() -> Callable[[], None]:
    # lines of earlier times, where Python was built with readline; what keeps those of this time
    try:
        readline = import_module("readline")
    except ImportError:
        return lambda: None
    path = history_file()
    with suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(10_000)

    def keep() -> None:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            readline.write_history_file(path)

    return keep
