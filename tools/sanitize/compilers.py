"""The two compilers and their run-time libraries; on Debian root has installed what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build" / "sanitize"
#: Debian packages of a program.
PACKAGES = {
    "gcc": ["gcc", "libc6-dev"],
    "clang": ["clang", "libclang-rt-14-dev", "llvm"],
    "valgrind": ["valgrind"],
}
#: Run-time libraries that are loaded before the interpreter, by compiler and sanitizers.
LIBRARIES = {
    ("gcc", "address,undefined"): ["libasan.so", "libubsan.so"],
    ("clang", "address,undefined"): ["libclang_rt.asan-x86_64.so"],
    ("gcc", "thread"): ["libtsan.so"],
}


def need(program: str) -> None:
    """Have a program installed if it is not there."""
    if not shutil.which(program):
        install(program)


def install(program: str) -> None:
    """Have a program installed, or end with the names of its packages."""
    packages = PACKAGES[program]
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            command = ["apt-get", "-qq", *words]
            subprocess.call(command, env=environment, stdout=subprocess.DEVNULL)
    if not shutil.which(program):
        sys.exit(f"sanitize: needs {program} (Debian: {', '.join(packages)})")


def library(compiler: str, name: str) -> str:
    """Path of a run-time library of the compiler, or an empty text."""
    words = [compiler, f"-print-file-name={name}"]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    if "/" not in found and compiler == "clang":
        words = [compiler, "-print-runtime-dir"]
        folder = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
        found = str(Path(folder, name))
    return found if Path(found).exists() else ""


def preload(compiler: str, sanitizers: str) -> str:
    """What LD_PRELOAD must hold for a build with these sanitizers."""
    need(compiler)
    names = LIBRARIES[compiler, sanitizers]
    if not all(library(compiler, name) for name in names):
        install(compiler)
    found = [library(compiler, name) for name in names]
    if not all(found):
        sys.exit(f"sanitize: {compiler} is without {', '.join(names)}")
    return " ".join(found)


def build(compiler: str, sanitizers: str) -> Path:
    """Compile the package into a folder of its own, in which nothing else is; that folder.

    Without sanitizers it is as users have it, but with names and lines.
    """
    need(compiler)
    out = OUT / f"{compiler}-{sanitizers.replace(',', '-') or 'plain'}"
    how = {"MMSCODEC_SANITIZE": sanitizers} if sanitizers else {"MMSCODEC_PROFILE": "1"}
    environment = os.environ | how | {"CC": compiler, "LDSHARED": f"{compiler} -shared"}
    command = [sys.executable, "setup.py", "-q", "build"]
    command += ["--build-lib", str(out / "lib"), "--build-temp", str(out / "temp")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"sanitize: the build failed:\n{done.stderr[-4000:]}")
    return out / "lib"
