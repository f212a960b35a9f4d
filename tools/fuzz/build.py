"""Compiles the kernels, the targets and libFuzzer's driver with clang and its sanitizers."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build" / "fuzz"
SOURCES = [*(ROOT / "tools/fuzz/targets").glob("*.p*"), *(ROOT / "tools/fuzz").glob("*.c")]
LISTS = ROOT / "tools" / "sanitize"
SETUP = """
import sys
from pathlib import Path
from Cython.Build import cythonize
from setuptools import Extension, setup
root, out, flags = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
kernels = root.glob("src/mmscodec/_kernels/**/*.pyx")
sources = [(path, path.relative_to(root / "src")) for path in kernels]
sources += [(path, path.relative_to(root)) for path in root.glob("tools/fuzz/targets/*.pyx")]
extensions = [
    Extension(".".join(name.with_suffix("").parts), [str(path)], extra_compile_args=flags,
              include_dirs=[str(root / "src/mmscodec/_kernels/include")])
    for path, name in sorted(sources)
]
directives = dict(language_level=3, boundscheck=False, wraparound=False, initializedcheck=False,
                  cdivision=True, auto_pickle=False)
setup(
    ext_modules=cythonize(extensions, include_path=[str(root / "src"), str(root)], quiet=True,
                          build_dir=str(out / "c"), compiler_directives=directives),
    script_args=["-q", "build_ext", "-j2", f"--build-lib={out / 'lib'}",
                 f"--build-temp={out / 'temp'}"],
)
"""


@dataclass(frozen=True)
class Kind:
    """A build of kernels and targets: sanitizers, further flags, and its name on disk."""

    name: str
    sanitizers: str
    flags: tuple[str, ...] = ()

    @property
    def out(self) -> Path:
        """Where it is built."""
        return OUT / self.name

    @property
    def driver(self) -> Path:
        """libFuzzer with the interpreter."""
        return self.out / "driver"

    @property
    def compile_flags(self) -> list[str]:
        """`fuzzer-no-link` is what lets libFuzzer see the branches of the extensions."""
        return [
            "-O1", "-g", "-fno-strict-aliasing", f"-fsanitize=fuzzer-no-link,{self.sanitizers}",
            "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-fno-wrapv", *self.flags,
        ]  # fmt: skip


KINDS = {
    # the usual one: comparisons are followed, so that the fuzzer finds numbers by itself
    "address": Kind("address", "address,undefined"),
    # twice as fast: it knows branches only
    "soak": Kind("soak", "address,undefined", ("-O2", "-fno-sanitize-coverage=trace-cmp")),
    "integer": Kind("integer", "integer,undefined", ("-fsanitize-recover=all",)),
    "memory": Kind(
        "memory", "memory",
        ("-fsanitize-memory-track-origins", f"-fsanitize-ignorelist={LISTS / 'memory.txt'}"),
    ),
}  # fmt: skip


def compiler() -> str:
    """The newest clang that has libFuzzer; on Debian root has it installed."""
    names = ["clang", *(f"clang-{version}" for version in range(30, 13, -1))]
    for name in names:
        if shutil.which(name) and (library := fuzzer_library(name)) and library.exists():
            return name
    if shutil.which("apt-get") and os.geteuid() == 0:
        packages = ["clang", "libclang-rt-14-dev", "llvm"]
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        if subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) == 0:
            return "clang"
    sys.exit("fuzz: needs clang with libFuzzer (Debian: clang, libclang-rt-14-dev)")


def fuzzer_library(clang: str) -> Path | None:
    """Where this clang has libFuzzer, if it knows."""
    words = [clang, "-print-file-name=libclang_rt.fuzzer-x86_64.a"]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    folder = [clang, "-print-runtime-dir"]
    if "/" not in found:
        place = subprocess.run(folder, capture_output=True, text=True, check=False).stdout.strip()
        return Path(place, found) if place else None
    return Path(found)


def fingerprint(clang: str, more: str = "") -> str:
    """Changes with every source of the package and of the targets."""
    digest = hashlib.sha256((sys.version + clang + more + SETUP).encode())
    package = [*(ROOT / "src").rglob("*.p[yx]*"), *(ROOT / "src").rglob("*.h"), ROOT / "setup.py"]
    package += [*(ROOT / "src").rglob("blocks.c"), LISTS / "memory.txt"]
    for path in sorted({*SOURCES, *package}):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def made(kind: Kind = KINDS["address"]) -> dict[str, str]:
    """Compile what has changed; the environment in which the driver of this kind runs."""
    clang = compiler()
    stamp, mark = kind.out / "stamp", fingerprint(clang, repr(kind))
    told = f"{clang} {kind.compile_flags} {(LISTS / 'memory.txt').read_text()}"
    flags = kind.out / "flags"
    if flags.exists() and flags.read_text() != told:  # objects are made by time: all are too old
        shutil.rmtree(kind.out)
    if not stamp.exists() or stamp.read_text() != mark:
        kind.out.mkdir(parents=True, exist_ok=True)
        flags.write_text(told)
        environment = dict(os.environ, CC=clang, LDSHARED=f"{clang} -shared", CFLAGS="")
        words = [sys.executable, "-c", SETUP, str(ROOT), str(kind.out), *kind.compile_flags]
        subprocess.run(words, cwd=kind.out, env=environment, check=True)
        for library in (kind.out / "lib").rglob("*.so"):
            for folder in library.relative_to(kind.out / "lib").parents[:-1]:
                (kind.out / "lib" / folder / "__init__.py").touch()
        subprocess.run(driver_command(clang, kind), cwd=ROOT, check=True)
        stamp.write_text(mark)
    return surroundings(kind.out / "lib")


def surroundings(*folders: Path) -> dict[str, str]:
    """The environment in which the interpreter of a driver finds these folders."""
    paths = [*map(str, folders), *(path for path in sys.path if path.endswith("-packages"))]
    return dict(os.environ, PYTHONHOME=sys.base_prefix, PYTHONPATH=os.pathsep.join(paths))


def driver_command(clang: str, kind: Kind) -> list[str]:
    """The command that links libFuzzer, the sanitizers and the interpreter into one program."""
    variables = sysconfig.get_config_vars()
    folder = variables["LIBDIR"]
    # the kind's flags too: where origins are tracked, the program that starts has to know
    flags = ["-g", "-O1", f"-fsanitize=fuzzer,{kind.sanitizers}", *kind.flags, "-rdynamic"]
    include = "-I" + sysconfig.get_path("include")
    link = [f"-L{folder}", f"-Wl,-rpath,{folder}", f"-lpython{variables['LDVERSION']}"]
    rest = (variables["LIBS"] + " " + variables["SYSLIBS"]).split()
    source = str(ROOT / "tools/fuzz/driver.c")
    return [clang, *flags, include, source, "-o", str(kind.driver), *link, *rest]


def targets() -> dict[str, str]:
    """Module of every target, by its name."""
    found = {}
    for source in sorted((ROOT / "tools/fuzz/targets").glob("*.pyx")):
        block = source.read_text().partition("TARGETS = {")[2]
        found |= dict.fromkeys(re.findall(r'"(\w+)":', block), source.stem)
    return found
