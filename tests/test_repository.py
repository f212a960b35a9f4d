"""What every tracked file must keep to."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# pieced together, so that this file does not match itself
FOLDERS = "|".join(("wo" + "rk", "fa" + "rm", "ro" + "ot", "ho" + "me"))
HOSTS = "|".join((r"py" + r"pi\.org", "pythonhos" + "ted", r"deb\.deb" + r"ian\.org"))
MACHINE = re.compile(f"/(?:{FOLDERS})/|{HOSTS}")


def tracked_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: the list of tracked files is not to be had")
    listing = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    names = listing.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", "replace")


def test_no_file_names_a_machine_or_a_registry():
    hits = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked_files()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert not hits, "\n".join(hits)


def test_no_source_file_is_over_600_lines():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked_files()
        if path.suffix in (".py", ".pyx", ".pxd", ".pyi", ".c", ".h")
        and (lines := len(text_of(path).splitlines())) > 600
    }
    assert not long


def test_generated_sources_and_built_modules_are_not_tracked():
    built = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in (".so", ".pyd", ".pyc")
        or (path.suffix == ".c" and path.with_suffix(".pyx").exists())
    ]
    assert not built


def test_every_compiled_public_module_has_a_stub():
    missing = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix == ".pyx" and "src" in path.relative_to(ROOT).parts
        if "_kernels" not in path.parts
        if not path.with_suffix(".pyi").exists()
    ]
    assert not missing
