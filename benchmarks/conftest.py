"""The fixture `contest`: race, record in extra_info, print one table at the end."""

import pytest

from benchmarks.harness import race, table

TABLES = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[TABLES] = []


@pytest.fixture
def contest(request, benchmark):
    """contest(title, runs, roofs=[names]): the first run is the one the benchmark is named for."""

    def hold(title, runs, roofs=(), rounds=7):
        race(runs, rounds)
        by_name = {run.name: run for run in runs}
        for run in runs:
            benchmark.extra_info[run.name] = {
                "GB/s": round(run.rate / 1e9, 3),
                "rows/s": round(run.rows / run.best),
                "ns/row": round(run.ns_per_row, 3),
                **{f"of {name}": round(run.rate / by_name[name].rate, 3) for name in roofs},
            }
        request.config.stash[TABLES].append(table(title, runs, roofs))
        benchmark.pedantic(runs[0].call, rounds=3)
        return by_name

    return hold


def pytest_terminal_summary(terminalreporter, config):
    for lines in config.stash[TABLES]:
        terminalreporter.write_line("")
        terminalreporter.write_line(lines)
