"""libFuzzer on the compiled kernels."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tools.fuzz import build, ledger, seeds, work

COUNT = re.compile(rb"stat::number_of_executed_units: (\d+)")
SPEED = re.compile(rb"stat::average_exec_per_sec: +(\d+)")
#: Prefixes of the names that libFuzzer gives to inputs that broke a promise.
BROKEN = ("crash-", "leak-", "timeout-", "oom-")


def drive(
    kind: build.Kind, target: str, module: str, words: list[str], environment: dict[str, str]
) -> bytes:
    """Run the driver on a target; what it said. If it fails, so does this, with the input."""
    said, broken = attempt(kind, target, module, words, environment)
    if broken is not None:
        raise SystemExit(broken)
    return said


def attempt(
    kind: build.Kind, target: str, module: str, words: list[str], environment: dict[str, str]
) -> tuple[bytes, str | None]:
    """Run the driver on a target; what it said, and words about its failure."""
    folder = work.found(target)
    before = set(folder.iterdir())
    limits = [*work.LIMITS, "-malloc_limit_mb=64", f"-artifact_prefix={folder}/"]
    done = subprocess.run(
        [str(kind.driver), *limits, *words],
        env=environment | {"MMSCODEC_FUZZ": f"{module}.{target}"}, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    if not done.returncode:
        return done.stderr, None
    if done.returncode == -signal.SIGTERM:
        raise SystemExit(f"fuzz: {target} was ended, and is not counted")
    sys.stderr.write(done.stderr[-6000:].decode(errors="replace"))
    new = [path for path in set(folder.iterdir()) - before if path.name.startswith(BROKEN)]
    return done.stderr, f"fuzz: {target} failed\n{work.shown(new)}"


def run(
    kind: build.Kind, target: str, module: str, options: list[str], environment: dict[str, str]
) -> tuple[ledger.Run, str, str | None]:
    """New inputs, as libFuzzer's options say: counts, figures, and what failed."""
    words = build.OUT / "words.dict"
    words.write_text(seeds.dictionary())
    folder = work.corpus(target, seeds.of(target))
    options = [*options, f"-dict={words}", "-print_final_stats=1", str(folder)]
    said, broken = attempt(kind, target, module, options, environment)
    count, speed = COUNT.search(said), SPEED.search(said)
    counted = ledger.now("kernel", target, int(count[1]) if count else 0, int(broken is not None))
    files = sum(1 for _ in folder.iterdir())
    line = f"{target}: {counted.executions} executions, "
    line += f"{speed[1].decode() if speed else 0} a second, corpus of {files}"
    return counted, line, broken


def replayed(
    kind: build.Kind, target: str, module: str, environment: dict[str, str]
) -> tuple[int, str]:
    """Every input of the repository's corpus once: how many there are, and what was said."""
    folder = work.corpus(target, [], fresh=True)
    files = sum(1 for _ in folder.iterdir())
    if files == 0:
        raise SystemExit(f"fuzz: {target} has no corpus in {work.KEPT.name}")
    options = ["-runs=0", f"-max_len={work.LENGTH}", str(folder)]
    return files, drive(kind, target, module, options, environment).decode(errors="replace")


def replay(kind: build.Kind, target: str, module: str, environment: dict[str, str]) -> str:
    """As `replayed`; a line of figures."""
    files, _ = replayed(kind, target, module, environment)
    return f"{target}: {files} inputs replayed"


def keep(kind: build.Kind, target: str, module: str, environment: dict[str, str]) -> str:
    """Put the smallest set of inputs with the same coverage into the repository."""
    small: Path = build.OUT / "small" / target
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    folder = work.corpus(target, seeds.of(target))
    merge = ["-merge=1", f"-max_len={work.LENGTH}", str(small), str(folder)]
    drive(kind, target, module, merge, environment)
    return f"{target}: {work.keep(target, small)} inputs kept"
