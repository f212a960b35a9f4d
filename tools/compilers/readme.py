"""What README.md and CONTRIBUTING.md tell a newcomer to type, in bare copies with odd names."""

import os
import re
import shutil
import sys
import time

from tools.compilers.places import CACHE, ROOT, copy_checkout, run, zig

FOLDER = "a copy (ü 漢字) of mmscodec"
CAPTURE = "tests/captures/mms/ffmpeg_tcp.pcap"
#: The whole suite runs elsewhere; these show that it would find what was set up.
TESTS = "tests/mms/test_vectors.py"


def compiler() -> str:
    """Another compiler than the one that Debian calls cc."""
    return shutil.which("clang") or " ".join(zig())


def commands() -> str:
    """README.md's two commands, with another compiler as CC; a line of figures."""
    started = time.monotonic()
    folder = CACHE / "odd" / FOLDER
    copy_checkout(folder)
    log = CACHE / "logs" / "readme.log"
    log.unlink(missing_ok=True)
    environment = dict(os.environ, CC=compiler())
    run(["./run", "decode", CAPTURE], log, cwd=folder, env=environment)
    if "LinkViewerToMacConnect" not in log.read_text(errors="replace"):
        raise OSError(f"`./run decode` did not show the messages of {CAPTURE}")
    decoded = time.monotonic() - started
    run(["./run", "test", TESTS], log, cwd=folder, env=environment)
    spent = time.monotonic() - started
    return (
        f"readme: in '{FOLDER}' with {compiler()} as CC: './run decode' {decoded:.0f} s, "
        f"'./run test' of {TESTS} after it {spent - decoded:.0f} s"
    )


def contributing() -> str:
    """The commands of CONTRIBUTING.md, each as it stands there; a line of figures."""
    started = time.monotonic()
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    first, *lines = re.findall(r"```\n(.*?)```", text, re.DOTALL)[0].splitlines()
    if not first.startswith("git clone ") or len(lines) < 4:
        raise OSError("CONTRIBUTING.md does not begin with the commands that it had")
    folder = CACHE / "odd" / "contributing"
    copy_checkout(folder)  # in place of a clone: what is not committed is tried too
    log = CACHE / "logs" / "contributing.log"
    log.unlink(missing_ok=True)
    bin = CACHE / "odd" / "bin"
    shutil.rmtree(bin, ignore_errors=True)
    bin.mkdir()
    (bin / "python3").symlink_to(sys.executable)
    path = f"{bin}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = dict(os.environ, PATH=path, PYTEST_ADDOPTS=TESTS)
    run(["sh", "-e", "-c", "\n".join(lines)], log, cwd=folder, env=environment)
    if not re.search(r"\d+ passed", log.read_text(errors="replace")):
        raise OSError("the commands of CONTRIBUTING.md ran no test")
    return f"contributing: {len(lines)} commands: {time.monotonic() - started:.0f} s"
