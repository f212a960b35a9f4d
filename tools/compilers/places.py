"""Where things are kept between runs, and how programs are started."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared"  # captures that some tests read; they skip without
LONGEST = 3600  # seconds of any one program, unless its caller knows better
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmscodec-ci"


class Unavailable(Exception):
    """Something that this machine or its network does not have; says what."""


def say(text: str) -> None:
    """One line, at once, so that a log shows what a long step is about."""
    print(text, flush=True)


def run(command: list[str], log: Path, seconds: float = LONGEST, **options) -> None:
    """Run a program, its output into `log`; the end of that is shown if it fails.

    After `seconds` it is ended with all that it started, which is a failure too.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True, **options,
        )  # fmt: skip
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            file.write(f"\nended after {seconds:.0f} s: it hangs, or is too slow\n".encode())
            status = -signal.SIGKILL
        finally:
            if process.poll() is None:  # also when this program was told to end
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if status:
        say("\n".join(log.read_text(errors="replace").splitlines()[-40:]))
        raise subprocess.CalledProcessError(status, command)


def output(command: list[str], **options) -> str:
    """What a program prints."""
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=LONGEST, **options
    )
    return done.stdout


def sources() -> list[str]:
    """Names of the files of the checkout, those not yet committed included."""
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others"]
    names = output([*git, "--exclude-standard"], cwd=ROOT).split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file())


def copy_checkout(to: Path) -> None:
    """The checkout in another folder, without what builds left in it; `shared` beside it."""
    shutil.rmtree(to, ignore_errors=True)
    for name in sources():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)
    beside = to.parent / "shared"
    if SHARED.is_dir() and not beside.exists():
        shutil.copytree(SHARED, beside, symlinks=True, ignore_dangling_symlinks=True)


def zig() -> list[str]:
    """The command of zig's C compiler, of a package of the Python index."""
    venv = CACHE / "zig"
    python = venv / "bin" / "python"
    if not list(venv.glob("lib/python*/site-packages/ziglang/zig")):
        log = CACHE / "logs" / "zig.log"
        run([sys.executable, "-m", "venv", "--clear", str(venv)], log)
        try:
            run([str(python), "-m", "pip", "install", "-q", "ziglang"], log, 600)
        except subprocess.CalledProcessError as error:
            raise Unavailable("ziglang cannot be installed from the Python index") from error
    return [str(python), "-m", "ziglang", "cc"]
