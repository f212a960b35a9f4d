"""No test depends on how fast a machine is, or on numbers that are others in the next run."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
FILES = sorted(path for path in TESTS.rglob("*.py") if path.name != Path(__file__).name)
#: Also in the scripts that tests run, which are strings.
FORBIDDEN = {
    "waits for a time instead of an event": r"\bsleep\(|\btime import\b",
    "measures time": r"\btime\.(?:time|monotonic|perf_counter|process_time|thread_time)(?:_ns)?\b",
    "is random without a seed": (
        r"(?<!st\.)\brandom\.(?!Random\(|default_rng\()[a-z]\w*\(|\bRandom\(\)|\bdefault_rng\(\)"
        r"|\burandom\(|\bsecrets\.|\buuid[14]\(|use_true_random=True"
    ),
}


def found(text: str) -> list[str]:
    return [why for why, pattern in FORBIDDEN.items() if re.search(pattern, text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_a_test_depends_on_no_chance(path):
    assert found(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "time.sleep(0.1)", "await asyncio.sleep(1)", "from time import sleep",
        "start = time.perf_counter()", "random.choice(x)", "np.random.random(3)",
        "np.random.default_rng()", "random.Random()", "os.urandom(9)", "secrets.token_bytes(3)",
    ],
)  # fmt: skip
def test_what_is_forbidden_is_seen(line):
    assert found(line)


@pytest.mark.parametrize(
    "line",
    [
        "rng = random.Random(3)", "np.random.default_rng(seed)", "st.randoms()", "rng.random()",
        "event.wait(LIMIT)", 'batch["packets"]["time"]', "resource.getrusage(0)",
    ],
)  # fmt: skip
def test_what_is_not_forbidden_passes(line):
    assert not found(line)
