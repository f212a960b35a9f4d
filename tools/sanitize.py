"""The test suite under the address and undefined-behaviour sanitizers, leaks included.

    python tools/sanitize.py [--deep] [PYTEST ARGUMENTS]

Builds into build/sanitize, beside the working build; reports stand there too. Three traps are
avoided: -fwrapv hides signed overflow (setup.py ends with -fno-wrapv), pymalloc hides over-reads
(PYTHONMALLOC), and pytest swallows what the runtime says (log_path; --capture=sys, as undefined
behaviour goes to standard error).

A leak is ours if the first library in its stack, above the allocator and the interpreter, is one
of this package: NumPy and the programs that tests start have leaks of their own at their ends. The
interpreter keeps no frame pointers, so the usual run sees only what kernels allocate themselves;
`--deep` also sees leaked Python objects, and takes ten times as long. Real players do not survive
a preloaded sanitizer, so their tests are left out.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "sanitize"
REPORT = OUT / "report"
PLAYERS = "tests/peer/test_players.py"
FRAME = re.compile(r"^ +#\d+ \S+ +(?:in (\S+) )?(.*)$")
INTERPRETER = re.compile(
    r"^(Modules|Objects|Python|Include|Parser|Programs)/|/bin/python|libpython"
)
ALLOCATOR = re.compile(r"libsanitizer|libasan|libubsan|libc\.so|libstdc")


def build() -> bool:
    """Compile everything with the sanitizers; False if that fails."""
    OUT.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, MMSCODEC_SANITIZE="address,undefined")
    command = [sys.executable, "setup.py", "-q", "build", "--force"]
    command += ["--build-lib", str(OUT / "lib"), "--build-temp", str(OUT / "temp")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-4000:])
    return done.returncode == 0


def library(name: str) -> str:
    """Path of a run-time library of the compiler."""
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def test(arguments: list[str], deep: bool) -> int:
    """Run pytest on the build; its exit status."""
    asan = {
        "detect_leaks": 1,
        "exitcode": 0,  # a leak of a program that a test starts must not change its status
        "abort_on_error": 1,
        "allocator_may_return_null": 1,
        "detect_stack_use_after_return": 1,
        "fast_unwind_on_malloc": int(not deep),
        "malloc_context_size": 20,
        "log_path": REPORT,
    }
    environment = dict(
        os.environ,
        LD_PRELOAD=f"{library('libasan.so')} {library('libubsan.so')}",
        PYTHONMALLOC="malloc",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONPATH=str(OUT / "lib"),
        ASAN_OPTIONS=":".join(f"{name}={value}" for name, value in asan.items()),
        UBSAN_OPTIONS=f"print_stacktrace=1:log_path={REPORT}",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--capture=sys", f"--ignore={PLAYERS}", *arguments]
    return subprocess.call(command, cwd=ROOT, env=environment)


def is_ours(stack: str) -> bool:
    """Whether the first library above allocator and interpreter is of this package."""
    for line in stack.splitlines():
        match = FRAME.match(line)
        if not match:
            continue
        where = match[2]
        if INTERPRETER.search(where) or ALLOCATOR.search(where):
            continue
        return "mmscodec" in where
    return False


def findings() -> list[str]:
    """Errors, and leaks of our own, out of all reports."""
    found = []
    for path in sorted(OUT.glob("report.*")):
        text = path.read_text(errors="replace")
        if "LeakSanitizer" not in text:
            found.append(text)
            continue
        leaks = re.split(r"\n(?=(?:Direct|Indirect) leak)", text)[1:]
        found += [leak for leak in leaks if is_ours(leak)]
    return found


def main() -> int:
    """Build, test, read the reports; 0 when there is nothing to tell."""
    started = time.monotonic()
    for path in OUT.glob("report.*"):
        path.unlink()
    if not build():
        return 1
    built = time.monotonic()
    status = test([word for word in sys.argv[1:] if word != "--deep"], "--deep" in sys.argv)
    found = findings()
    for finding in found[:10]:
        print(finding[:3000])
    spent = f"built in {built - started:.0f} s, tested in {time.monotonic() - built:.0f} s"
    print(f"sanitize: status {status}, {len(found)} findings, {spent}")
    return 1 if status or found else 0


if __name__ == "__main__":
    sys.exit(main())
