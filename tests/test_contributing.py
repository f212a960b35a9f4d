"""CONTRIBUTING is done by a test: the new message goes through every layer of a copy."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mmscodec

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
(PACKET,) = (text for kind, text in BLOCKS if kind == "python")
(SESSION,) = (text for kind, text in BLOCKS if kind == "pycon")
COMMANDS = [text.splitlines() for kind, text in BLOCKS if not kind]
BUILD = "python setup.py -q build_ext --inplace"
LAYERS = re.findall(r"^\| ([\w ]+) \| (`[^|]+`) \|", TEXT, re.MULTILINE)


def run(folder, *words):
    """What a command prints in the copy, of whose package it is."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A copy of the tree with the new message in it, after the commands, without the build."""
    folder = tmp_path_factory.mktemp("clone") / "mmscodec"
    package = Path(mmscodec.__file__).parent  # as it is installed: there the compiled modules are
    shutil.copytree(package, folder / "src" / "mmscodec", ignore=shutil.ignore_patterns("*.c"))
    if not (package / "_kernels" / "core" / "layout.pxd").exists():
        pytest.skip("the package is installed without the sources of its kernels")
    for name in ("tools", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    schema = folder / "src/mmscodec/schema/winmx/search.py"
    head, mark, rest = schema.read_text(encoding="utf-8").partition("\nPACKETS = (\n")
    assert mark
    schema.write_text(head + mark + PACKET + rest, encoding="utf-8")
    (commands,) = [lines for lines in COMMANDS if "python tools/gen_layout.py" in lines]
    assert commands[-1] == BUILD
    for command in commands[:-1]:
        done = run(folder, *command.split()[1:])
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("wrong", [False, True])
def test_what_it_shows_is_what_happens(changed, wrong):
    text = SESSION.replace("([30], ['Gumdrop'])", "([31], ['Gumdrop'])") if wrong else SESSION
    (changed / "session.txt").write_text(text, encoding="utf-8")
    done = run(changed, "-m", "doctest", "session.txt")
    assert (done.returncode != 0) is wrong, done.stdout + done.stderr


def test_the_docs_of_the_new_message_are_generated(changed):
    page = (changed / "docs/spec/winmx.md").read_text(encoding="utf-8")
    assert "**0x0FA5 NodeAge** (node age; 8.1; secondary to primary)" in page
    assert "NodeAge" not in (ROOT / "docs/spec/winmx.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("layer", "files"), LAYERS, ids=[layer for layer, _ in LAYERS])
def test_the_files_of_a_layer_are_there(layer, files):
    for name in re.findall(r"`([^`]+)`", files):
        assert (ROOT / "src/mmscodec" / name).exists() or (ROOT / name).exists(), name


def test_the_first_commands_work_on_a_bare_clone():
    (first,) = [lines for lines in COMMANDS if lines[0].startswith("git clone")]
    assert first[3:] == [BUILD, "PYTHONPATH=src python -m pytest -q"]
    _, _, groups = (
        (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[dependency-groups]")
    )
    needs = re.sub(r"#.*", "", groups.partition("\n[tool.")[0])
    assert re.search(r"^dev = ", needs, re.MULTILINE)
    assert "mmscodec" not in needs  # on a clone it is not to be had
    for package in ("cython", "setuptools", "numpy"):  # what the build itself needs
        assert f'"{package}>=' in needs
