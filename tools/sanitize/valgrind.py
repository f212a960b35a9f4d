"""valgrind: bytes never written, which no sanitizer sees together with the interpreter."""

import os
import subprocess
import sys
import time

from tools.sanitize import compilers


def run() -> bool:
    """The vectors on an ordinary build with names and lines; whether valgrind found nothing."""
    started = time.monotonic()
    compilers.need("valgrind")
    folder = compilers.build("gcc", "")
    environment = dict(
        os.environ, PYTHONMALLOC="malloc", PYTHONDONTWRITEBYTECODE="1",
        PYTHONPATH=os.pathsep.join((str(folder), str(compilers.ROOT))),
    )  # fmt: skip
    command = ["valgrind", "-q", "--error-exitcode=9", "--num-callers=20"]
    command += [sys.executable, "-m", "tools.sanitize.vectors"]
    status = subprocess.call(command, cwd=compilers.ROOT, env=environment)
    print(f"sanitize valgrind: status {status}, {time.monotonic() - started:.0f} s", flush=True)
    return status == 0
