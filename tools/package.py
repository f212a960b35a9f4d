"""Source distribution, wheel, fresh environment, whole suite: what a user would install.

    python -m tools.package [--no-suite] [ARGUMENTS OF PYTEST...]

Needs the dependency group `package` beside `test`. Both builds see no index: setuptools and Cython
of this environment are all they get.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"  # captures that some tests read; they skip without
MOST = 1_500_000  # bytes of a wheel
MADE = (".c", ".so", ".pyd", ".o", ".pyc", ".html")  # what a build makes
BINARY = (".so", ".pyd")
# Headers and .pxd files are there for extensions that cimport the package.
WHEEL = (".py", ".pyi", ".pxd", ".h", ".lua", ".typed", ".jinja", ".css", ".js", *BINARY)


#: The oldest NumPy that there is for each Python; the newest is what `./run test` has.
OLDEST = {(3, 11): "2.0.0", (3, 12): "2.0.0", (3, 13): "2.1.0"}


def run(*command: object, cwd: Path = ROOT, **environment: str) -> None:
    """Run a program; its failure is ours."""
    print("$", *command, flush=True)
    subprocess.run(list(map(str, command)), cwd=cwd, check=True, env={**os.environ, **environment})


def bare_build(kind: str, source: Path, out: Path) -> Path:
    """What `kind` ("sdist" or "wheel") of build gives for `source`, without an index."""
    run(sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "-o", out, source,
        PIP_NO_INDEX="1")  # fmt: skip
    (made,) = out.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return made


def wrong_sources(names: Iterable[str], tracked: Iterable[str]) -> list[str]:
    """What is wrong with a source distribution that holds `names` (without its top folder)."""
    held = set(names)
    lacking = [f"lacks {name}" for name in sorted(set(tracked) - held)]
    made = [
        f"holds {name}, which a build makes"
        for name in sorted(held)
        if name.endswith(MADE) and name not in tracked
    ]
    return lacking + made


def wrong_wheel(path: Path, sources: Iterable[str]) -> list[str]:
    """What is wrong with a wheel built from the Cython files `sources` (below src/)."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
    package = [name for name in names if ".dist-info/" not in name]
    built = sorted(name.split(".")[0] for name in package if name.endswith(BINARY))
    wanted = sorted(source.removesuffix(".pyx") for source in sources)
    wrong = [] if built == wanted and built else [f"modules {built}, sources {wanted}"]
    if re.search(r"-py3-none-any\.whl$", path.name):
        wrong.append("is tagged as pure Python")
    if path.stat().st_size >= MOST:
        wrong.append(f"has {path.stat().st_size:,} bytes, {MOST:,} are the most")
    wrong += [f"holds {name}" for name in package if not name.endswith(WHEEL)]
    return wrong + [f"holds {name}" for name in package if "test" in name]


def tracked_files() -> list[str]:
    """Files of the repository; without git, as in a source distribution, the Cython ones here."""
    try:
        listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    except (OSError, subprocess.CalledProcessError):
        return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*.pyx")]
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def sdist(work: Path) -> tuple[Path, Path]:
    """A checked source distribution, and the folder it was unpacked into."""
    made = bare_build("sdist", ROOT, work / "sdist")
    with tarfile.open(made) as archive:
        members = [name.name for name in archive.getmembers() if name.isfile()]
        archive.extractall(work / "unpacked", filter="data")
    names = [name.partition("/")[2] for name in members]
    report(made, wrong_sources(names, tracked_files()))
    (folder,) = (work / "unpacked").iterdir()
    # a clone has the name of the project, and no test may take what lies in it for the package
    folder = folder.rename(work / "unpacked" / "mmscodec")
    if SHARED.is_dir():
        (work / "unpacked" / "shared").symlink_to(SHARED)
    return made, folder


def report(made: Path, wrong: list[str]) -> None:
    """Stop if anything is wrong with what was made."""
    if wrong:
        sys.exit("\n".join(f"{made.name} {what}" for what in wrong))
    print(f"{made.name}: {made.stat().st_size:,} bytes, good", flush=True)


def installed(work: Path, wheel: Path, group: list[str]) -> Path:
    """The interpreter of a fresh environment with `wheel` and what the tests need."""
    environment = work / "venv"
    run(sys.executable, "-m", "venv", environment)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    oldest = OLDEST.get(sys.version_info[:2])
    numpy = f"numpy=={oldest}" if oldest else "numpy"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel, numpy, *group)
    return python


def main() -> int:
    """Do all of it; the first thing that is wrong ends it."""
    parser = argparse.ArgumentParser(prog="python -m tools.package", description=__doc__)
    parser.add_argument("--no-suite", action="store_true", help="without the tests")
    arguments, tests = parser.parse_known_args()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    group = [item for item in groups["test"] if isinstance(item, str)] + groups["tables"]
    with tempfile.TemporaryDirectory(prefix="mmscodec-") as folder:
        work = Path(folder)
        source, unpacked = sdist(work)
        wheel = bare_build("wheel", unpacked, work / "wheel")
        pyx = [str(path.relative_to(unpacked / "src")) for path in unpacked.rglob("src/**/*.pyx")]
        report(wheel, wrong_wheel(wheel, pyx))
        run(sys.executable, "-m", "twine", "check", "--strict", source, wheel)
        run(Path(sys.executable).parent / "check-wheel-contents", wheel)
        if sys.platform == "linux":
            run(sys.executable, "-m", "auditwheel", "show", wheel)
        out = ROOT / "dist"
        python = installed(work, wheel, group)
        run(python, "-m", "mmscodec", "--version", cwd=work)
        if not arguments.no_suite:
            run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=unpacked)
        out.mkdir(exist_ok=True)
        shutil.copy(source, out / source.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
