"""Compiles the package, the targets and libFuzzer's driver with clang and its sanitizers."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build" / "fuzz"
DRIVER = OUT / "driver"
#: `fuzzer-no-link` is what lets libFuzzer see the branches of the extensions.
SANITIZERS = "fuzzer-no-link,address,undefined"
SOURCES = [*(ROOT / "tools/fuzz").rglob("*.p*"), *(ROOT / "tools/fuzz").glob("*.c")]
SETUP = """
import sys
from pathlib import Path
from Cython.Build import cythonize
from setuptools import Extension, setup
root, out, sanitizers = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
flags = ["-O1", "-g", "-fno-strict-aliasing", "-fsanitize=" + sanitizers,
         "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-fno-wrapv"]
extensions = [
    Extension("tools.fuzz.targets." + source.stem, [str(source)], extra_compile_args=flags,
              include_dirs=[str(root / "src/mmscodec/_kernels/include")])
    for source in sorted((root / "tools/fuzz/targets").glob("*.pyx"))
]
directives = dict(language_level=3, boundscheck=False, wraparound=False, initializedcheck=False,
                  cdivision=True, auto_pickle=False)
setup(
    ext_modules=cythonize(extensions, include_path=[str(root / "src"), str(root)], quiet=True,
                          build_dir=str(out / "c"), compiler_directives=directives),
    script_args=["-q", "build_ext", f"--build-lib={out / 'lib'}", f"--build-temp={out / 'temp'}"],
)
"""


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


def fingerprint(clang: str) -> str:
    """Changes with every source of the package and of the targets."""
    digest = hashlib.sha256((sys.version + clang).encode())
    package = [*(ROOT / "src").rglob("*.p[yx]*"), *(ROOT / "src").rglob("*.h"), ROOT / "setup.py"]
    for path in sorted({*SOURCES, *package}):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def made() -> dict[str, str]:
    """Compile what has changed; the environment in which the driver runs."""
    clang = compiler()
    stamp, mark = OUT / "stamp", fingerprint(clang)
    environment = dict(
        os.environ, CC=clang, LDSHARED=f"{clang} -shared", CFLAGS="",
        MMSCODEC_SANITIZE=SANITIZERS,
    )  # fmt: skip
    if not stamp.exists() or stamp.read_text() != mark:
        OUT.mkdir(parents=True, exist_ok=True)
        targets = [sys.executable, "-c", SETUP, str(ROOT), str(OUT), SANITIZERS]
        subprocess.run(targets, cwd=OUT, env=environment, check=True)
        package = [sys.executable, "setup.py", "-q", "build"]
        package += ["--build-lib", str(OUT / "lib"), "--build-temp", str(OUT / "temp")]
        subprocess.run(package, cwd=ROOT, env=environment, check=True)
        for name in ("__init__.py", "targets/__init__.py"):
            place = OUT / "lib/tools/fuzz" / name
            place.touch()
        (OUT / "lib/tools/__init__.py").touch()
        subprocess.run(driver_command(clang), cwd=ROOT, check=True)
        stamp.write_text(mark)
    paths = [str(OUT / "lib"), *(path for path in sys.path if path.endswith("-packages"))]
    return dict(os.environ, PYTHONHOME=sys.base_prefix, PYTHONPATH=os.pathsep.join(paths))


def driver_command(clang: str) -> list[str]:
    """The command that links libFuzzer, the sanitizers and the interpreter into one program."""
    variables = sysconfig.get_config_vars()
    folder = variables["LIBDIR"]
    flags = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-rdynamic"]
    include = "-I" + sysconfig.get_path("include")
    link = [f"-L{folder}", f"-Wl,-rpath,{folder}", f"-lpython{variables['LDVERSION']}"]
    rest = (variables["LIBS"] + " " + variables["SYSLIBS"]).split()
    source = str(ROOT / "tools/fuzz/driver.c")
    return [clang, *flags, include, source, "-o", str(DRIVER), *link, *rest]


def targets() -> dict[str, str]:
    """Module of every target, by its name."""
    found = {}
    for source in sorted((ROOT / "tools/fuzz/targets").glob("*.pyx")):
        block = source.read_text().partition("TARGETS = {")[2]
        found |= dict.fromkeys(re.findall(r'"(\w+)":', block), source.stem)
    return found
