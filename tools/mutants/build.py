"""Weaves the chosen mutants into a copy of the package and compiles it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.mutants.weave import Mutant, places, woven

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
OUT = ROOT / "build" / "mutants"
SRC = OUT / "src"
LIBRARY = OUT / "mutant.so"
KERNELS = "mmscodec/_kernels"
ENDINGS = (".py", ".pyi", ".pyx", ".pxd", ".h", ".typed")
ERROR = re.compile(r"(mmscodec/\S+\.p[yx][xd]):(\d+)[:,]")
#: Of every kind of mutant, so many in a thousand are chosen.
SHARE = {"constant": 32}
OTHERS = 80
SETUP = """
import os, sys
from pathlib import Path
from Cython.Build import cythonize
from setuptools import Extension, setup
flags = ["-O1", "-g0", "-fno-strict-aliasing", "-w"]
extensions = [
    Extension(".".join(path.with_suffix("").parts), [str(path)], extra_compile_args=flags,
              include_dirs=["mmscodec/_kernels/include"])
    for path in sorted(Path("mmscodec").rglob("*.pyx"))
]
directives = dict(language_level=3, boundscheck=False, wraparound=False, initializedcheck=False,
                  cdivision=True, binding=True, embedsignature=False, auto_pickle=False,
                  allow_none_for_extension_args=False)
workers = os.cpu_count() or 1
setup(
    ext_modules=cythonize(extensions, include_path=["."], quiet=True, nthreads=workers,
                          emit_linenums=True, compiler_directives=directives),
    options={"build_ext": {"parallel": workers}},
    script_args=["-q", "build_ext", "--inplace", "--build-temp=../temp"],
)
"""


def kernels() -> list[Path]:
    """The sources of all kernels."""
    return sorted((ROOT / "src" / KERNELS).rglob("*.p[yx][xd]"))


def mutants() -> list[Mutant]:
    """Every mutant of the kernels as they stand."""
    return [
        mutant
        for path in kernels()
        for place in places(str(path.relative_to(ROOT / "src")), path.read_text())
        for mutant in place.mutants
    ]


def chosen(found: list[Mutant]) -> list[Mutant]:
    """Some thousandths of all mutants: those with small names, so that a change moves no others."""
    return [
        mutant
        for mutant in found
        if int(mutant.name[:8], 16) * 1000 >> 32 < SHARE.get(mutant.kind, OTHERS)
    ]


def write(path: Path, text: str | bytes) -> None:
    """Write a file if that changes it, as what is older is not compiled again."""
    data = text.encode() if isinstance(text, str) else text
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def copy_package() -> None:
    """The package without kernels, and what mutants need."""
    for path in (ROOT / "src").rglob("*"):
        inside = path.relative_to(ROOT / "src")
        kernel = path.suffix in (".pyx", ".pxd") and str(inside).startswith(KERNELS)
        wanted = path.suffix in ENDINGS or path.name == "blocks.c"
        if path.is_file() and wanted and not kernel:
            write(SRC / inside, path.read_bytes())
    write(SRC / KERNELS / "include" / "mutant.h", (HERE / "mutant.h").read_bytes())
    write(SRC / KERNELS / "mutant.pxd", (HERE / "mutant.pxd").read_bytes())
    flags = ["-O1", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", LIBRARY, HERE / "mutant.c"], check=True)


def weave(numbers: dict[str, int]) -> dict[tuple[str, int], str]:
    """Write the kernels with these mutants; whose line is which."""
    lines: dict[tuple[str, int], str] = {}
    for path in kernels():
        file = str(path.relative_to(ROOT / "src"))

        def mark(line: int, name: str, file: str = file) -> None:
            lines[file, line] = name

        text = path.read_text()
        write(SRC / file, woven(file, text, numbers, mark) if text.strip() else text)
    return lines


def compile_all(numbers: dict[str, int]) -> list[str]:
    """Compile; the names of those mutants that do not compile, which are left out of the build."""
    refused: list[str] = []
    environment = dict(os.environ, CC=os.environ.get("CC", "gcc"))
    while True:
        lines = weave({name: n for name, n in numbers.items() if name not in refused})
        command = [sys.executable, "-c", SETUP]
        done = subprocess.run(
            command, cwd=SRC, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return refused
        said = done.stdout + done.stderr
        named = {(match[1], int(match[2])) for match in ERROR.finditer(said)}
        bad = {lines[place] for place in named if place in lines}
        if not bad:
            sys.exit("mutants: the package does not compile\n" + said[-4000:])
        refused += sorted(bad)


def made(selection: list[Mutant]) -> tuple[dict[str, int], list[str]]:
    """Compile these mutants; their numbers, and the names of those that do not compile."""
    if not shutil.which("gcc") or sys.platform != "linux":
        sys.exit("mutants: needs Linux and gcc (Debian: gcc, libc6-dev)")
    numbers = {mutant.name: number for number, mutant in enumerate(selection)}
    digest = hashlib.sha256(json.dumps(numbers).encode())
    for path in sorted([*(ROOT / "src").rglob("*.p[yx]*"), *HERE.glob("mutant.*")]):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    stamp = OUT / "stamp.json"
    if stamp.exists() and (known := json.loads(stamp.read_text()))["mark"] == digest.hexdigest():
        return numbers, known["refused"]
    SRC.mkdir(parents=True, exist_ok=True)
    copy_package()
    refused = compile_all(numbers)
    stamp.write_text(json.dumps({"mark": digest.hexdigest(), "refused": refused}))
    return numbers, refused


def environment() -> dict[str, str]:
    """In which Python imports the woven package."""
    return dict(
        os.environ, PYTHONPATH=f"{SRC}{os.pathsep}{ROOT}", LD_PRELOAD=str(LIBRARY),
        PYTHONDONTWRITEBYTECODE="1", OPENBLAS_NUM_THREADS="1",
        MMSCODEC_SHARED=str(OUT / "no public captures"),
    )  # fmt: skip
