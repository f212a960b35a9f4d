"""Kernels that no part of the package gives to Python, bound for tests and benchmarks.

Compiled when this package is imported, against the `mmscodec` that is installed, and again when one
of its declarations changes. Importing it skips the module that does so where there is no compiler.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

import mmscodec

HERE = Path(__file__).resolve().parent
PACKAGE = Path(mmscodec.__file__).resolve().parent
#: A wheel has the declarations of what it is for others to use; the rest lies beside the tests.
SOURCES = HERE.parent.parent / "src"
BUILD = """
import sys
from pathlib import Path
from Cython.Build import cythonize
from setuptools import Extension, setup
here, package, sources, target = map(Path, sys.argv[1:])
include = [str(package / "_kernels" / "include")]
extensions = [
    Extension("tests.bindings." + source.stem, [str(source)], include_dirs=include)
    for source in sorted(here.glob("*.pyx"))
]
directives = dict(language_level=3, boundscheck=False, wraparound=False, initializedcheck=False,
                  cdivision=True, binding=True)
setup(
    ext_modules=cythonize(extensions, include_path=[str(package.parent), str(sources)],
                          build_dir=str(target), compiler_directives=directives, quiet=True),
    script_args=["-q", "build_ext", f"--build-lib={target}", f"--build-temp={target}/temp"],
)
"""


def fingerprint() -> str:
    """Changes with every source of the bindings and every declaration that they are built on."""
    digest = hashlib.sha256(sys.version.encode())
    declared = [path for folder in (PACKAGE, SOURCES) for path in folder.rglob("*.pxd")]
    paths = [*HERE.glob("*.py*"), *declared, *PACKAGE.rglob("*.h")]
    for path in sorted(path for path in paths if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def built() -> Path:
    """The folder of the compiled modules; they are compiled now if they are not there."""
    folder = HERE / "build" / fingerprint()
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    if all((folder / f"{source.stem}{suffix}").exists() for source in HERE.glob("*.pyx")):
        return folder
    asked = os.environ.get("CC", "").split()[:1]
    if not any(map(shutil.which, (*asked, "cc", "gcc", "clang", "cl"))):
        pytest.skip("no C compiler for the bindings of the kernels", allow_module_level=True)
    pytest.importorskip("Cython", reason="no Cython for the bindings of the kernels")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE / "build") as target:
        command = [sys.executable, "-c", BUILD, str(HERE), str(PACKAGE), str(SOURCES), target]
        environment = {name: word for name, word in os.environ.items() if name != "LD_PRELOAD"}
        made = subprocess.run(
            command, cwd=target, env=environment, capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise ImportError(f"bindings cannot be compiled: {made.stderr.strip()[-2000:]}")
        for library in Path(target, "tests", "bindings").glob(f"*{suffix}"):
            library.replace(folder / library.name)
    return folder


__path__.append(str(built()))
