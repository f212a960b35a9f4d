"""What is distributed: the source distribution, the wheel, the groups, the workflows."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tools.package import MOST, wrong_sources, wrong_wheel

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def wheel(folder: Path, *names: str, tag: str = "cp311-cp311-linux_x86_64") -> Path:
    path = folder / f"mmscodec-0.1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return path


def test_a_source_distribution_without_cython_sources_is_refused():
    tracked = ["src/mmscodec/_block.pyx", "run"]
    assert wrong_sources(tracked, tracked) == []
    assert wrong_sources(["run"], tracked) == ["lacks src/mmscodec/_block.pyx"]


@pytest.mark.parametrize("name", ["src/mmscodec/_block.c", "src/mmscodec/_block.so", "x.pyc"])
def test_a_source_distribution_with_what_a_build_makes_is_refused(name):
    assert wrong_sources(["run", name], ["run"]) == [f"holds {name}, which a build makes"]


def test_a_wheel_has_a_module_for_every_cython_source(tmp_path):
    good = wheel(tmp_path, "mmscodec/_a.cpython-311-x86_64-linux-gnu.so", "mmscodec/py.typed")
    assert wrong_wheel(good, ["mmscodec/_a.pyx"]) == []
    assert wrong_wheel(good, ["mmscodec/_a.pyx", "mmscodec/_b.pyx"])
    assert wrong_wheel(good, [])


@pytest.mark.parametrize(
    "name", ["mmscodec/_a.pyx", "mmscodec/_a.c", "mmscodec/test_a.py", "LICENSE"]
)
def test_a_wheel_holds_nothing_that_only_a_build_or_a_test_needs(tmp_path, name):
    made = wheel(tmp_path, "mmscodec/_a.cp311-win_amd64.pyd", name)
    assert wrong_wheel(made, ["mmscodec/_a.pyx"]) == [f"holds {name}"]


def test_an_empty_wheel_is_refused(tmp_path):
    assert wrong_wheel(wheel(tmp_path, "mmscodec/__init__.py", tag="py3-none-any"), [])
    assert MOST == 1_500_000


def test_a_build_without_sources_fails(tmp_path):
    shutil.copy(ROOT / "setup.py", tmp_path)
    (tmp_path / "README.md").write_text("nothing")
    (tmp_path / "src").mkdir()
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "no Cython source" in done.stderr


def test_no_group_names_the_package():
    named = [
        requirement
        for group in PROJECT["dependency-groups"].values()
        for requirement in group
        if isinstance(requirement, str) and re.match(r"mmscodec\b", requirement)
    ]
    assert named == []


def test_the_test_group_holds_the_extras_that_are_tested():
    extras = PROJECT["project"]["optional-dependencies"]
    tested = {
        *extras["compress"],
        *extras["cli"],
        *extras["cloud"],
        *PROJECT["project"]["dependencies"],
    }
    group = {item for item in PROJECT["dependency-groups"]["test"] if isinstance(item, str)}
    assert tested <= group
    assert set(PROJECT["build-system"]["requires"]) <= group


def test_an_extra_exists_if_the_code_names_it():
    sources = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r'MissingExtraError\([^)]*?"(\w+)"\)', sources))
    extras = set(PROJECT["project"]["optional-dependencies"]) - {"all"}
    assert extras - {"cli"} == named - {"cli"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_pinned_and_have_no_rights_by_default(path):
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^permissions: \{\}$", text, re.M)
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [
        use for use in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)
    ] == []
    assert "contents: write" not in text


def test_free_threaded_wheels_wait_for_the_declaration():
    declared = '"freethreading_compatible": True' in (ROOT / "setup.py").read_text()
    assert declared != ("cp31?t-*" in PROJECT["tool"]["cibuildwheel"]["skip"])


def test_a_wheel_has_every_pxd_that_its_others_need():
    left_out = PROJECT["tool"]["setuptools"]["exclude-package-data"]
    shipped = {}
    for path in (ROOT / "src").rglob("*.pxd"):
        package = ".".join(path.parent.relative_to(ROOT / "src").parts)
        if not any(path.match(name) for name in left_out.get(package, ())):
            shipped[f"{package}.{path.stem}"] = path.read_text(encoding="utf-8")
    assert "mmscodec.capi" in shipped
    assert "mmscodec._kernels.mms.decoder" in shipped
    assert "mmscodec._kernels.track.tracker" not in shipped
    for name, text in shipped.items():
        for module in re.findall(r"^\s*(?:from|cimport) (mmscodec[\w.]*)", text, re.MULTILINE):
            assert module in shipped or f"{module}.__init__" in shipped, f"{name} needs {module}"
