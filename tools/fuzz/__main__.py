"""Fuzzing of the kernels: libFuzzer on the compiled C, with the sanitizers of clang.

    ./run fuzz run [TARGET...] [--seconds 60]   new inputs, from the corpus on
    ./run fuzz replay [TARGET...]               the corpus that stands in tests/corpus
    ./run fuzz keep [TARGET...]                 minimise what was found into tests/corpus
    ./run fuzz list

Works below build/fuzz. What breaks a promise is left in build/fuzz/found/TARGET. Every run adds a
line to build/fuzz/log.tsv: date, commit, target, executions, executions a second, corpus.
"""

import argparse
import datetime
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tools.fuzz import build, seeds

KEPT = build.ROOT / "tests" / "corpus"
LIMITS = ["-timeout=5", "-rss_limit_mb=2048", "-malloc_limit_mb=64"]
LENGTH = 4096  # bytes of an input, at most
COUNT = re.compile(rb"stat::number_of_executed_units: (\d+)")
SPEED = re.compile(rb"stat::average_exec_per_sec: +(\d+)")


def corpus(target: str, *, fresh: bool = False) -> Path:
    """The working corpus: that of the repository and the seeds, and what runs added."""
    folder = build.OUT / "corpus" / target
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        folder.mkdir(parents=True)
        kept = KEPT / f"{target}.zip"
        if kept.exists():
            with zipfile.ZipFile(kept) as archive:
                archive.extractall(folder)
        for number, data in enumerate([] if fresh else seeds.of(target)):
            (folder / f"seed-{number}").write_bytes(data[:LENGTH])
    return folder


def drive(target: str, module: str, words: list[str], environment: dict[str, str]) -> bytes:
    """Run the driver on a target; what it said. Its report goes to standard error."""
    found = build.OUT / "found" / target
    found.mkdir(parents=True, exist_ok=True)
    command = [str(build.DRIVER), *LIMITS, f"-artifact_prefix={found}/", *words]
    done = subprocess.run(
        command, env=environment | {"MMSCODEC_FUZZ": f"{module}.{target}"}, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write(done.stderr[-6000:].decode(errors="replace"))
        raise SystemExit(f"fuzz: {target} failed; its input is in {found}")
    return done.stderr


def run(target: str, module: str, seconds: int, length: int, environment: dict[str, str]) -> str:
    """New inputs of up to `length` bytes for some seconds; a line of figures."""
    words = build.OUT / "words.dict"
    words.write_text(seeds.dictionary())
    folder = corpus(target)
    options = [f"-max_total_time={seconds}", f"-max_len={length}", f"-dict={words}"]
    options.append("-print_final_stats=1")
    said = drive(target, module, [*options, str(folder)], environment)
    count, speed = COUNT.search(said), SPEED.search(said)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=build.ROOT, capture_output=True, text=True,
        check=False,
    ).stdout.strip()  # fmt: skip
    fields = [
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", commit, target,
        count[1].decode() if count else "0", speed[1].decode() if speed else "0",
        str(sum(1 for _ in folder.iterdir())),
    ]  # fmt: skip
    with open(build.OUT / "log.tsv", "a") as log:
        log.write("\t".join(fields) + "\n")
    return f"{target}: {fields[3]} executions, {fields[4]} a second, corpus of {fields[5]}"


def replay(target: str, module: str, environment: dict[str, str]) -> str:
    """Every input of the repository's corpus once; a line of figures."""
    folder = corpus(target, fresh=True)
    files = sum(1 for _ in folder.iterdir())
    if files == 0:
        raise SystemExit(f"fuzz: {target} has no corpus in {KEPT.name}")
    drive(target, module, ["-runs=0", f"-max_len={LENGTH}", str(folder)], environment)
    return f"{target}: {files} inputs replayed"


def keep(target: str, module: str, environment: dict[str, str]) -> str:
    """Put the smallest set of inputs with the same coverage into the repository."""
    small = build.OUT / "small" / target
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    merge = ["-merge=1", f"-max_len={LENGTH}", str(small), str(corpus(target))]
    drive(target, module, merge, environment)
    KEPT.mkdir(exist_ok=True)
    files = sorted(small.iterdir())
    with zipfile.ZipFile(KEPT / f"{target}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            # the same inputs make the same file
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return f"{target}: {len(files)} inputs kept"


def main() -> int:
    """Do what is asked for; 1 if a target failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("what", choices=["run", "replay", "keep", "list"])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument(
        "--length", type=int, default=LENGTH,
        help="of an input, at most; the time of one is in proportion to it",
    )  # fmt: skip
    arguments = parser.parse_args()
    known = build.targets()
    if unknown := set(arguments.targets) - known.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if arguments.what == "list":
        print("\n".join(known))
        return 0
    environment, failed = build.made(), []
    for target in arguments.targets or known:
        try:
            if arguments.what == "run":
                line = run(target, known[target], arguments.seconds, arguments.length, environment)
            else:
                line = {"replay": replay, "keep": keep}[arguments.what](
                    target, known[target], environment
                )
            print(line, flush=True)
        except SystemExit as error:
            print(error, flush=True)
            failed.append(target)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
