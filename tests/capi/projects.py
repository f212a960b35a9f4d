"""The example projects, built out of tree against the package under test."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mmscodec

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PACKAGE = Path(mmscodec.__file__).resolve().parent
NAMES = ("c", "cpp", "cython")
COMPILERS = {"c": "gcc", "cpp": "g++", "cython": "gcc"}
FLAGS = "-Wall -Wextra -Wconversion -Werror"
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"


@functools.cache
def missing(name: str) -> str:
    """Why a project cannot be built here, or nothing."""
    if sys.platform != "linux":
        return "these commands are those of Linux"
    return "" if shutil.which(COMPILERS[name]) else f"{COMPILERS[name]} is not installed"


def environment(*paths: Path, **more: str) -> dict[str, str]:
    """One in which the package and these folders are importable."""
    found = dict(os.environ)
    places = [str(PACKAGE.parent), *map(str, paths), *(path for path in sys.path if path)]
    return found | {"PYTHONPATH": os.pathsep.join(places)} | more


def build(name: str, target: Path, flags: str = "") -> Path:
    """Install a copy of a project into a folder, and give that folder."""
    source = target / "source"
    shutil.copytree(EXAMPLES / name, source)
    # what a sanitizer preloads is not for compilers; the package's Python files are enough for them
    plain = environment(CC="gcc", CXX="g++", PIP_ROOT_USER_ACTION="ignore")
    plain.pop("LD_PRELOAD", None)
    words = FLAGS.replace(" -Wconversion", "") if name == "cython" else FLAGS
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps",
         "--no-index", "--disable-pip-version-check", "--target", str(target / "made"),
         str(source)],
        env=plain | dict.fromkeys(("CFLAGS", "CXXFLAGS"), f"{words} {flags}") | {"LDFLAGS": flags},
        cwd=target, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{name} cannot be built:\n{done.stdout}\n{done.stderr}")
    return target / "made"


def runtime(library: str) -> str:
    """The path of a run-time library of gcc."""
    return subprocess.check_output(["gcc", f"-print-file-name={library}"], text=True).strip()


def run(
    *command: str, folder: Path, preload: str = "", here: Path = ROOT, **more: str
) -> subprocess.CompletedProcess:
    """A program of these tests, with the project of that folder."""
    words = environment(folder, ROOT, **more)
    if preload:
        words["LD_PRELOAD"] = preload
    return subprocess.run(
        [sys.executable, *command], env=words, cwd=here, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
