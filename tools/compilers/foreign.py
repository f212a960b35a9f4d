"""Kernels on a 32-bit processor, natively, and on a big-endian one, by qemu's user mode."""

import os
import re
import shutil
import time

from tools.compilers import cross, roots, suite
from tools.compilers.places import CACHE, Unavailable, run

# One process, no program started: qemu alone cannot run what the tests start.
BIG_ENDIAN = [
    "tests/test_portability.py", "tests/mms/test_vectors.py", "tests/mms/test_damage.py",
    "tests/mms/test_encode.py", "tests/winmx", "tests/capture/test_records.py",
]  # fmt: skip


def i386() -> str:
    """Build and test in a 32-bit Debian; a line of figures."""
    return suite.check(suite.Cell("gcc", "3", "i386"), suite.QUICK)


def s390x() -> str:
    """Compile with zig against Debian's Python, test with qemu; a line of figures."""
    emulator = shutil.which("qemu-s390x-static") or shutil.which("qemu-s390x")
    if not emulator:
        raise Unavailable("qemu-user-static is not installed")
    started = time.monotonic()
    root = roots.foreign("s390x")
    interpreter = next((root / "usr/bin").glob("python3.[0-9]*[0-9]"))
    include = root / "usr/include" / interpreter.name
    tree = cross.generated()
    tests = tree.parent / "s390x"
    shutil.rmtree(tests, ignore_errors=True)
    # Debian's pyconfig.h includes that of the processor; what else stands there is not zig's libc
    system = tests / "include" / "s390x-linux-gnu"
    system.mkdir(parents=True)
    (system / include.name).symlink_to(root / "usr/include/s390x-linux-gnu" / include.name)
    flags = [f"-I{include}", f"-I{system.parent}"]
    cross.compile_all("s390x-linux-gnu", tree, tests / "objects", flags)
    shutil.copytree(tree, tests / "mmscodec", ignore=shutil.ignore_patterns("*.c"))
    for module in (tests / "objects").glob("*.so"):
        place = tests / "mmscodec" / "src" / module.stem.replace(".", os.sep)
        shutil.copyfile(module, place.with_name(place.name + ".so"))
    libraries = root / "usr/lib/s390x-linux-gnu"
    log = CACHE / "logs" / "s390x-tests.log"
    log.unlink(missing_ok=True)
    paths = [f"LD_LIBRARY_PATH={libraries}/blas:{libraries}/lapack", "PYTHONPATH=src"]
    command = [emulator, "-L", str(root), *(word for path in paths for word in ("-E", path))]
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *BIG_ENDIAN]
    run([*command, str(interpreter), *words], log, cwd=tests / "mmscodec")
    last = re.findall(r"^.*\d+ passed.*$", log.read_text(errors="replace"), re.M)
    spent = time.monotonic() - started
    return f"s390x: {last[-1].strip('= ') if last else 'no test ran'}; {spent:.0f} s"
