"""For pytest: notes which mutants each test reaches, or runs tests against mutants.

With MMSCODEC_MUTANTS_NOTE, a folder, a run writes what each test reached. With
MMSCODEC_MUTANTS_PLAN, a file, no test runs as usual: for every mutant of the plan a process is
forked, in which the tests that reach it run one after the other until one fails. So the interpreter
and the tests are loaded once. A mutant with which a test takes a multiple of its usual processor
time counts as killed, and so does one with which the process dies.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

LIBRARY = ctypes.CDLL(None)
NOTE = os.environ.get("MMSCODEC_MUTANTS_NOTE")
PLAN = os.environ.get("MMSCODEC_MUTANTS_PLAN")
SLOWEST, SHORTEST = 20, 5  # times the usual time, and seconds at least
MEMORY = 6 << 30
OVER = 3  # exit status of a process whose tests would have taken too long
WALL = 300  # seconds of one mutant, whatever they were spent on


class Noting:
    """What every test reaches."""

    def __init__(self, folder: str) -> None:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        self.size = int(os.environ["MMSCODEC_REACHED_SIZE"])
        self.path = Path(folder, worker + ".map")
        self.result = Path(folder, worker + ".json")
        self.path.write_bytes(bytes(self.size))
        os.environ["MMSCODEC_REACHED"] = str(self.path)  # for the processes that tests start
        if LIBRARY.mutant_note(str(self.path).encode(), ctypes.c_long(self.size)):
            raise OSError(f"{self.path} cannot be mapped")
        self.map = (ctypes.c_ubyte * self.size).from_address(
            ctypes.c_void_p.in_dll(LIBRARY, "mmscodec_reached").value or 0
        )
        self.found: dict[str, tuple[float, list[int]]] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what one test reaches, and how long it takes."""
        ctypes.memset(self.map, 0, self.size)
        started = time.process_time(), time.monotonic()
        yield
        spent = max(time.process_time() - started[0], (time.monotonic() - started[1]) / 4)
        reached = [number for number, byte in enumerate(bytes(self.map)) if byte]
        if reached and item.nodeid not in self.failed:
            self.found[item.nodeid] = (round(spent, 4), reached)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Leave out tests that are skipped or fail."""
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write what was noted."""
        self.result.write_text(json.dumps(self.found))


class Killing:
    """Runs the tests of a plan against its mutants."""

    def __init__(self, path: str) -> None:
        self.plan = json.loads(Path(path).read_text())
        self.answers = Path(path).with_suffix(".tsv")
        self.killers: dict[str, Counter] = {}
        self.good: set[str] = set()
        self.bad: set[str] = set()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge every mutant instead of running the tests."""
        items = {item.nodeid: item for item in session.items}
        with open(self.answers, "a") as answers:
            for mutant in self.plan["mutants"]:
                state, test = self.judged(mutant, items)
                answers.write(f"{mutant['name']}\t{state}\t{test}\n")
                answers.flush()
        return True

    def judged(self, mutant: dict, items: dict[str, pytest.Item]) -> tuple[str, str]:
        """What the tests say of a mutant: killed by which test, or survived.

        A test counts only if it passes in a forked process without a mutant.
        """
        killers = self.killers.setdefault(mutant["function"], Counter())
        while True:
            tests = [test for test in mutant["tests"] if test in items and test not in self.bad]
            tests = ordered(tests, killers, self.plan["seconds"])
            status, test = self.forked(mutant["number"], [items[test] for test in tests])
            if status == 0:
                return "survived" if tests else "not reached", ""
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == OVER:
                return "undecided", ""
            if test in self.good or self.forked(-1, [items[test]])[0] == 0:
                break
            self.bad.add(test)
        self.good.add(test)
        killers[test] += 1
        return ("killed" if os.WIFEXITED(status) else f"died {os.WTERMSIG(status)}"), test

    def forked(self, number: int, tests: list[pytest.Item]) -> tuple[int, str]:
        """Run tests against a mutant: 0 or a wait status, and the last test that began."""
        near = Path(f"{self.answers}.{os.getpid()}")
        near.write_text("")
        child = os.fork()
        if child == 0:
            self.run(number, tests, near)
        status = awaited(child)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        test = near.read_text()
        near.unlink()
        return status, test

    def run(self, number: int, tests: list[pytest.Item], near: Path) -> None:
        """In the forked process: run tests until one fails; never returns."""
        status = 9
        try:
            os.setsid()
            quiet = os.open(os.devnull, os.O_RDWR)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            ctypes.c_int.in_dll(LIBRARY, "mmscodec_mutant").value = number
            os.environ["MMSCODEC_MUTANT"] = str(number)
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            status = self.first_failure(tests, near)
        finally:
            os._exit(status)

    def first_failure(self, tests: list[pytest.Item], near: Path) -> int:
        """1 when a test fails, 0 when none does, OVER when time was over before all had run."""
        spent = 0.0
        for item in tests:
            usual = self.plan["seconds"][item.nodeid]
            if spent > self.plan["budget"]:
                return OVER
            spent += usual
            near.write_text(item.nodeid)
            signal.setitimer(signal.ITIMER_PROF, SHORTEST + SLOWEST * usual)
            if any(report.failed for report in runtestprotocol(item, nextitem=None, log=False)):
                return 1
        return 0


def ordered(tests: list[str], killers: Counter, seconds: dict[str, float]) -> list[str]:
    """Those that killed neighbours, then of every test the quickest case, the next, and so on."""
    quick = sorted(tests, key=lambda test: seconds[test])
    cases: Counter[str] = Counter()
    rank = {}
    for test in quick:
        name = test.split("[")[0]
        rank[test] = cases[name]
        cases[name] += 1
    return sorted(quick, key=lambda test: (-killers[test], rank[test], seconds[test]))


def awaited(child: int) -> int:
    """The wait status of a process; it is ended when it takes too long."""
    until = time.monotonic() + WALL
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        if time.monotonic() > until:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.005)


def pytest_configure(config: pytest.Config) -> None:
    """Note or judge, as the environment says."""
    if NOTE and (os.environ.get("PYTEST_XDIST_WORKER") or not config.getoption("numprocesses")):
        config.pluginmanager.register(Noting(NOTE))
    elif PLAN:
        config.pluginmanager.register(Killing(PLAN))
