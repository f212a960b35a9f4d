"""A terminal that is none, for tests of what is cut to its width."""


def terminal(monkeypatch, columns: int) -> None:
    """Standard output is a terminal of so many columns, without colours."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
