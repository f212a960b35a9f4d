"""Threads that share objects, under gcc's thread sanitizer, and a part of the suite in parallel.

The interpreter's lock is one of pthreads, which the sanitizer knows: what the lock guards is
silent, and what a kernel does without it is seen. The build is without optimisation.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from tools.sanitize import compilers

SANITIZERS = "thread"
FOUND = 66  # exit status of a process in which the sanitizer saw a race
PLUGIN = "pytest-run-parallel==0.10.0"
#: What runs in four threads at once, three times: decoding, encoding and whole tables. Not: tests
#: that start processes, change the process, or share a capture that one of them closes.
PARALLEL = (
    "tests/mms/test_vectors.py", "tests/mms/test_decoder.py", "tests/mms/test_encode.py",
    "tests/mms/test_framing.py", "tests/mms/test_findings.py", "tests/winmx/test_decode.py",
    "tests/winmx/test_decoder.py", "tests/winmx/test_encode.py", "tests/winmx/test_cipher.py",
    "tests/winmx/test_conversation.py", "tests/winmx/test_nodes.py", "tests/asf/test_header.py",
)  # fmt: skip


def scripts() -> Iterator[tuple[str, list[str]]]:
    """Every object that is shared, and the words after the interpreter."""
    from tests.hostile import share, test_capture_threads

    for name in share.OBJECTS:
        yield name, ["-m", "tests.hostile.share", name]
    for name, text in test_capture_threads.CASES.items():
        yield name, ["-c", test_capture_threads.HEAD + text]


def run(wanted: list[str]) -> bool:
    """Each object in a process of its own; whether the sanitizer was silent."""
    started = time.monotonic()
    folder = compilers.build("gcc", SANITIZERS)
    report = folder.parent / "report"
    for path in folder.parent.glob("report.*"):
        path.unlink()
    options = f"log_path={report}:exitcode={FOUND}:history_size=5:ignore_noninstrumented_modules=1"
    environment = dict(
        os.environ, LD_PRELOAD=compilers.preload("gcc", SANITIZERS), TSAN_OPTIONS=options,
        PYTHONPATH=os.pathsep.join((str(folder), str(compilers.ROOT))),
        PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    failed, count = [], 0
    for name, words in scripts():
        if wanted and name not in wanted:
            continue
        count += 1
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, *words], cwd=compilers.ROOT, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        print(f"{name}: status {done.returncode}, {time.monotonic() - begun:.0f} s", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stderr[-2000:])
    for path in sorted(folder.parent.glob("report.*"))[:5]:
        print(path.read_text(errors="replace")[:4000])
    spent = f"{time.monotonic() - started:.0f} s"
    print(f"sanitize thread: {count} objects, {len(failed)} with races, {spent}", flush=True)
    return bool(count) and not failed


def parallel(arguments: list[str]) -> bool:
    """Chosen tests, each in four threads at once and three times; whether all passed."""
    place = compilers.OUT / "parallel"
    if not (place / "pytest_run_parallel").exists():
        words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        if subprocess.call([*words, "--no-deps", "--target", str(place), PLUGIN]):
            sys.exit(f"sanitize: {PLUGIN} cannot be installed")
    paths = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--parallel-threads=4", "--iterations=3"]
    status = subprocess.call(
        [*command, *(arguments or PARALLEL)], cwd=compilers.ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    print(f"sanitize parallel: status {status}", flush=True)
    return status == 0
