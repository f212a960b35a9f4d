"""The whole test suite on a build with the address and undefined-behaviour sanitizers.

Three traps are avoided: -fwrapv hides signed overflow (setup.py ends with -fno-wrapv), pymalloc
hides over-reads (PYTHONMALLOC), and pytest swallows what the runtime says (log_path; --capture=sys,
as undefined behaviour goes to standard error).

Leaks are looked for when a process ends, without a list of suppressions. One is ours if any frame
of its stack is of this package; the others are counted by library and printed. The interpreter
keeps no frame pointers, so the usual run sees the stacks of what kernels allocate themselves;
`--deep` unwinds through it and sees leaked Python objects, and takes ten times as long.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.sanitize import compilers, reports

SANITIZERS = "address,undefined"
#: Programs that tests start: not ours to check, and players do not survive a preloaded library.
OTHERS = (
    "tshark", "tcpdump", "mergecap", "editcap", "capinfos", "ffmpeg", "mplayer", "cvlc", "git",
    "gcc", "cc", "clang", "debootstrap", "qemu-arm-static", "node", "npx",
)  # fmt: skip


def unsanitized(folder: Path) -> str:
    """A PATH on which the programs of others are found first in a form without LD_PRELOAD."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in OTHERS:
        real = shutil.which(name)
        if real is not None:
            script = folder / name
            script.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec "{real}" "$@"\n')
            script.chmod(0o755)
    return os.pathsep.join((str(folder), os.environ["PATH"]))


def environment(compiler: str, deep: bool) -> dict[str, str]:
    """In which the interpreter runs on the build."""
    out = compilers.OUT / f"{compiler}-address-undefined"
    report = out / "report"
    asan = {
        "detect_leaks": 1,
        "exitcode": 0,  # a leak of a program that a test starts must not change its status
        "abort_on_error": 1,
        "allocator_may_return_null": 1,
        "detect_stack_use_after_return": 1,
        "fast_unwind_on_malloc": int(not deep),
        "malloc_context_size": 20,
        "log_path": report,
    }
    return dict(
        os.environ,
        PATH=unsanitized(out / "programs"),
        LD_PRELOAD=compilers.preload(compiler, SANITIZERS),
        PYTHONMALLOC="malloc",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONPATH=str(out / "lib"),
        ASAN_OPTIONS=":".join(f"{name}={value}" for name, value in asan.items()),
        UBSAN_OPTIONS=f"print_stacktrace=1:log_path={report}",
    )


def run(compiler: str, arguments: list[str], deep: bool = False) -> bool:
    """Build, test, read the reports; whether there is nothing to tell."""
    started = time.monotonic()
    surroundings = environment(compiler, deep)
    out = compilers.build(compiler, SANITIZERS).parent
    for path in out.glob("report.*"):
        path.unlink()
    built = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--capture=sys"]
    status = subprocess.call([*command, *arguments], cwd=compilers.ROOT, env=surroundings)
    errors, others = reports.read(out)
    for error in errors[:10]:
        print(error[:3000])
    if others:
        named = ", ".join(f"{name} {count}" for name, count in others.most_common())
        print(f"sanitize {compiler}: leaks in which no frame is of this package: {named}")
    spent = f"built in {built - started:.0f} s, tested in {time.monotonic() - built:.0f} s"
    print(f"sanitize {compiler}: status {status}, {len(errors)} findings, {spent}", flush=True)
    return not status and not errors
