"""The unit of systemd that is given as an example."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "examples" / "systemd" / "mmscodec-collect.service"


def test_systemd_understands_every_line_of_the_unit(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    text = UNIT.read_text()
    assert "/opt/mmscodec/bin/mmscodec" in text
    unit = tmp_path / UNIT.name
    # a program that is here, and no manual of a package that is not installed
    program = tmp_path / "mmscodec"
    program.symlink_to(sys.executable)
    lines = text.replace("/opt/mmscodec/bin/mmscodec", str(program)).splitlines(keepends=True)
    unit.write_text("".join(line for line in lines if not line.startswith("Documentation=")))
    done = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    mine = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert mine == []
    assert done.returncode == 0, done.stderr
    broken = tmp_path / "broken.service"
    broken.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHome=maybe"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", broken], capture_output=True, text=True, check=False
    )
    assert "broken.service:" in done.stderr  # it says so of a wrong line
