"""Compiles the package with gcc's counters, beside the working build."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build" / "coverage"
PACKAGES = ["gcc", "libc6-dev"]


def prepare() -> None:
    """Have gcc and gcov; on Debian root has them installed."""
    if shutil.which("gcc") and shutil.which("gcov"):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        if subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) == 0:
            return
    sys.exit(f"coverage: needs gcc and its gcov (Debian: {' '.join(PACKAGES)})")


def fingerprint() -> str:
    """Changes with every source of the package."""
    digest = hashlib.sha256(sys.version.encode())
    sources = [*(ROOT / "src").rglob("*.p*"), *(ROOT / "src").rglob("*.h"), ROOT / "setup.py"]
    sources.append(ROOT / "src/mmscodec/_kernels/core/blocks.c")
    for path in sorted(path for path in sources if path.is_file() and path.suffix != ".pyc"):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def made() -> dict[str, str]:
    """Compile if a source has changed; the environment in which tests are counted."""
    prepare()
    stamp, mark = OUT / "stamp", fingerprint()
    if not stamp.exists() or stamp.read_text() != mark:
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir(parents=True)
        environment = dict(os.environ, MMSCODEC_COVERAGE="1", CC=os.environ.get("CC", "gcc"))
        command = [sys.executable, "setup.py", "-q", "build", "--force"]
        command += ["--build-lib", str(OUT / "lib"), "--build-temp", str(OUT / "temp")]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        stamp.write_text(mark)
    return dict(os.environ, PYTHONPATH=str(OUT / "lib"), PYTHONDONTWRITEBYTECODE="1")


def forget() -> None:
    """Set all counters back."""
    for path in (OUT / "temp").rglob("*.gcda"):
        path.unlink()
