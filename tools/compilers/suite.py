"""Build and test the package with one compiler and one Python."""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.compilers import roots
from tools.compilers.places import (
    CACHE,
    ROOT,
    Unavailable,
    copy_checkout,
    output,
    run,
    say,
    zig,
)  # fmt: skip

# Kernels, vectors and captures whose truth is known: what a compiler can get wrong shows here.
QUICK = [
    "tests/test_portability.py", "tests/mms/test_vectors.py", "tests/mms/test_damage.py",
    "tests/mms/test_examples.py", "tests/mms/test_decoder.py", "tests/mms/test_encode.py",
    "tests/winmx", "tests/asf", "tests/capture/test_truth.py", "tests/capture/test_reassembly.py",
    "tests/capture/test_network_headers.py", "tests/capture/test_records.py",
]  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A compiler and a Python; `root` says whether both come from the newer Debian."""

    compiler: str  # gcc, clang, zig, or a command
    python: str  # "3.14"
    root: str = ""  # "", "amd64", "i386"

    @property
    def name(self) -> str:
        """For logs and folders."""
        return "-".join(part for part in (self.root or "host", self.compiler, self.python) if part)


def host_python(version: str) -> str:
    """Path of an interpreter of this machine, also one that pyenv keeps."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    homes = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    found = str(homes[-1]) if homes else shutil.which(f"python{version}")
    if not found or subprocess.call([found, "-c", "import venv"], stderr=subprocess.DEVNULL):
        raise Unavailable(f"no Python {version} on this machine")
    return found


def requirements(whole: bool) -> tuple[list[str], list[str]]:
    """What building and testing needs, and what single tests can do without."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build = [*project["build-system"]["requires"], "wheel", *project["project"]["dependencies"]]
    extras = project["project"]["optional-dependencies"]
    optional = [item for name in ("compress", "cli", "cloud") for item in extras[name]]
    groups = project["dependency-groups"]
    group = [item for item in groups["test"] if isinstance(item, str)]
    optional += groups["tables"] if whole else []
    needed = dict.fromkeys([*build, *(item for item in group if item not in optional)])
    return list(needed), optional


def prepare(cell: Cell) -> tuple[Path, str, list[str], str, dict[str, str]]:
    """Folder, its name seen from inside, start of command lines, C compiler, environment."""
    if not cell.root:
        folder = CACHE / "cells" / cell.name
        folder.mkdir(parents=True, exist_ok=True)
        compiler = " ".join(zig()) if cell.compiler == "zig" else cell.compiler
        return folder, str(folder), [], compiler, dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    root = roots.native(cell.root)
    folder = root / "srv" / cell.name
    folder.mkdir(parents=True, exist_ok=True)
    compiler = roots.installed(root, cell.compiler)
    return folder, f"/srv/{cell.name}", roots.enter(root, []), compiler, roots.environment()


def install(cell: Cell, whole: bool) -> tuple[Path, list[str], dict[str, str]]:
    """A fresh copy of the checkout, installed; folder of tests, interpreter, environment.

    `whole` says whether the tests of every extra will run there.
    """
    folder, inside, start, compiler, environment = prepare(cell)
    log = CACHE / "logs" / f"{cell.name}.log"
    log.unlink(missing_ok=True)
    copy_checkout(folder / "mmscodec")
    base = f"python{cell.python}" if cell.root else host_python(cell.python)
    python = [*start, f"{inside}/venv/bin/python"]
    options = {"log": log, "env": environment}
    ready, needed, optional = folder / "venv" / "mmscodec-ready", *requirements(whole)
    mark = repr((needed, optional))
    if not ready.exists() or ready.read_text() != mark:
        venv = ["-m", "venv", "--clear", *(["--system-site-packages"] if cell.root else [])]
        run([*start, base, *venv, f"{inside}/venv"], **options)
        pip = [*python, "-m", "pip", "install", "-q", "--prefer-binary"]
        run([*pip, *needed], **options)
        for item in optional:
            if subprocess.call([*pip, "--only-binary=:all:", item], env=environment, timeout=600,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):  # fmt: skip
                say(f"{cell.name}: no wheel of {item}; its tests say so")
        ready.write_text(mark)
    environment = dict(environment, CC=compiler)
    pip = [*python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall"]
    run([*pip, "--no-build-isolation", f"{inside}/mmscodec"], log=log, env=environment)
    return folder / "mmscodec", python, environment


def version(cell: Cell) -> str:
    """First line of what the compiler says of itself."""
    _, _, start, compiler, environment = prepare(cell)
    return output([*start, *compiler.split(), "--version"], env=environment).splitlines()[0]


def check(cell: Cell, tests: list[str]) -> str:
    """Build, run the tests; a line of figures. Raises if anything fails."""
    started = time.monotonic()
    compiler = version(cell)
    tree, python, environment = install(cell, not tests)
    built = time.monotonic()
    log = CACHE / "logs" / f"{cell.name}-tests.log"
    log.unlink(missing_ok=True)
    inside = f"/srv/{cell.name}/mmscodec" if cell.root else str(tree)
    words = ["-q", "-p", "no:cacheprovider", "-n", "2", f"--rootdir={inside}"]
    targets = [f"{inside}/{test}" for test in tests or ["tests"]]
    if gone := [test for test in tests if not (tree / test).exists()]:
        raise OSError(f"no such tests: {', '.join(gone)}")
    command = ["import os,sys,pytest; os.chdir(sys.argv[1]); sys.exit(pytest.main(sys.argv[2:]))"]
    run([*python, "-c", *command, inside, *words, *targets], log=log, env=environment)
    last = re.findall(r"^.*\d+ passed.*$", log.read_text(errors="replace"), re.M)
    spent = f"built in {built - started:.0f} s, tested in {time.monotonic() - built:.0f} s"
    return f"{cell.name}: {compiler}: {last[-1].strip('= ') if last else 'no test ran'}; {spent}"
