"""What it costs to import the package and to install it."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import mmscodec
from benchmarks.conftest import TABLES
from benchmarks.harness import Run


def bench_import(contest):
    """NumPy itself is imported in all of them: what counts is the difference."""

    def python(code):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    contest(
        "a new Python that imports ...",
        [
            Run("numpy, mmscodec, mms", python("import mmscodec.mms"), 0, 0),
            Run("numpy, mmscodec, command line", python("import mmscodec.cli"), 0, 0),
            Run("numpy", python("import numpy"), 0, 0),
            Run("nothing", python("pass"), 0, 0),
        ],
    )


def bench_wheel_size(request, benchmark):
    """The package packed as a wheel packs it."""
    packed = io.BytesIO()
    package = Path(mmscodec.__file__).parent
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in package.rglob("*"):
            if path.suffix in (".py", ".pyi", ".pxd", ".h", ".so", ".pyd", ".typed"):
                archive.write(path, path.relative_to(package))
    size = len(packed.getvalue())
    benchmark.extra_info["wheel bytes"] = size
    request.config.stash[TABLES].append(f"wheel: {size / 1e6:.2f} MB")
    assert size < 20e6
    benchmark.pedantic(lambda: None, rounds=1)
