"""What it costs to import the package and to install it."""

import io
import subprocess
import sys
import zipfile
from importlib.metadata import files

from benchmarks.harness import Run


def bench_import(contest):
    """NumPy itself is imported in all of them: what counts is the difference."""

    def python(code):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    contest(
        "a new Python that imports ...; a row is a process",
        [
            Run("numpy, mmscodec, mms", python("import mmscodec.mms"), 0, 1),
            Run("numpy, mmscodec, command line", python("import mmscodec.cli"), 0, 1),
            Run("numpy", python("import numpy"), 0, 1),
            Run("nothing", python("pass"), 0, 1),
        ],
    )


def bench_wheel_size(benchmark):
    """The installed files packed as a wheel packs them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files("mmscodec") or ():
            path = file.locate()
            if path.suffix != ".pyc" and path.is_file() and ".." not in file.parts:
                archive.write(path, str(file))
    size = len(packed.getvalue())
    benchmark.extra_info["wheel bytes"] = size
    print(f"\nwheel: {size / 1e6:.2f} MB")
    assert size < 20e6
    benchmark.pedantic(lambda: None, rounds=1)
