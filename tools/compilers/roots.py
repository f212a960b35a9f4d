"""Folders with a newer Debian, for its compilers and Pythons; for i386 and s390x too."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from tools.compilers.places import CACHE, Unavailable, run, say

SUITE = os.environ.get("MMSCODEC_DEBIAN", "sid")
DAYS = 30  # after that a root is made anew: the newest compiler is what it is for
PYTHONS = ("3.13", "3.14", "3.15")
NATIVE = ["ca-certificates", "libc6-dev", "python3-numpy", "git"]
FOREIGN = ["python3-dev", "python3-numpy", "python3-pytest", "python3-hypothesis"]
ENTER = (
    'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; mount -t tmpfs tmpfs "$0/tmp"; '
    'exec chroot "$0" "$@"'
)


def enter(root: Path, command: list[str]) -> list[str]:
    """The command line that runs `command` in a root, with its own mounts."""
    return ["unshare", "--mount", "sh", "-c", ENTER, str(root), *command]


def environment() -> dict[str, str]:
    """What programs in a root see: nothing of this machine but how pip reaches its index."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    kept.pop("PIP_FIND_LINKS", None)
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    return kept | {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "CI": "true",
                   "DEBIAN_FRONTEND": "noninteractive", "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip


def is_fresh(root: Path, mark: str) -> bool:
    """Whether a root is whole, of this recipe, and young."""
    ready = root / "mmscodec-ready"
    if not ready.exists() or ready.read_text() != mark:
        return False
    return time.time() - ready.stat().st_mtime < DAYS * 86400


def make(name: str, options: list[str]) -> Path:
    """An unpacked Debian; whole only when its mark is written."""
    if os.geteuid() != 0:
        raise Unavailable(f"a Debian root ({name}) needs the rights of root")
    if not shutil.which("debootstrap"):
        raise Unavailable("debootstrap is not installed")
    root = CACHE / f"debian-{SUITE}-{name}"
    shutil.rmtree(root, ignore_errors=True)
    log = CACHE / "logs" / f"debootstrap-{name}.log"
    log.unlink(missing_ok=True)
    say(f"debootstrap {SUITE} {name}")
    try:
        run(["debootstrap", "--variant=minbase", *options, SUITE, str(root)], log, 420)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"debootstrap of {SUITE} for {name} failed: no mirror?") from error
    return root


def native(arch: str = "amd64") -> Path:
    """A root whose programs run here: newest gcc, and on amd64 the newest clang and Pythons."""
    wanted = [f"python{v}-{part}" for v in PYTHONS for part in ("dev", "venv")]
    if arch != "amd64":
        wanted = ["python3-dev", "python3-venv", "python3-pytest", "python3-hypothesis"]
    mark = hashlib.sha256(repr((NATIVE, wanted, DAYS)).encode()).hexdigest()
    root = CACHE / f"debian-{SUITE}-{arch}"
    if is_fresh(root, mark):
        return root
    root = make(arch, [f"--arch={arch}", f"--include={','.join(NATIVE)}"])
    for name in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"):
        shutil.copyfile(name, f"{root}{name}")
    log = CACHE / "logs" / f"apt-{arch}.log"
    compilers = [newest(root, "gcc")] + ([newest(root, "clang")] if arch == "amd64" else [])
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    try:
        run(enter(root, [*install, *compilers, *wanted]), log, 420, env=environment())
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"packages of {SUITE} cannot be installed for {arch}") from error
    (root / "mmscodec-ready").write_text(mark)
    return root


def newest(root: Path, compiler: str) -> str:
    """Name of the Debian package with the highest number: ``gcc-16``."""
    done = subprocess.run(
        enter(root, ["apt-cache", "search", "--names-only", f"^{compiler}-[0-9]+$"]),
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    numbers = [int(number) for number in re.findall(rf"^{compiler}-(\d+) ", done.stdout, re.M)]
    return f"{compiler}-{max(numbers)}"


def installed(root: Path, compiler: str) -> str:
    """Name of the compiler that `native` put there."""
    found = [path.name for path in (root / "usr/bin").glob(f"{compiler}-*")]
    return max((name for name in found if re.fullmatch(rf"{compiler}-\d+", name)),
               key=lambda name: int(name.split("-")[1]))  # fmt: skip


def foreign(arch: str) -> Path:
    """Files of a root for another processor: unpacked, never configured, run by qemu."""
    mark = hashlib.sha256(repr((FOREIGN, DAYS)).encode()).hexdigest()
    root = CACHE / f"debian-{SUITE}-{arch}"
    if is_fresh(root, mark):
        return root
    root = make(arch, ["--foreign", f"--arch={arch}", f"--include={','.join(FOREIGN)}"])
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(root)], CACHE / "logs" / f"unpack-{arch}.log")
    (root / "mmscodec-ready").write_text(mark)
    return root
