"""README's examples as a user's type checker sees them: `mypy --strict` and pyright.

Each line of USES is checked too: one that must be refused ends in ``# wrong``.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
USES = """
import io, pathlib
from typing import assert_type
assert_type(mms.encode("Data", payload=b""), bytes)
assert_type(mms.encode("Data", payload=b"", out=bytearray(9)), "memoryview[int]")
batch.findings.text()
cap.findings.text()
mmscodec.open(pathlib.Path("x"))
mmscodec.open(b"x", protocols=["mms"])
mmscodec.open(["a", "b"])
mmscodec.open(io.BytesIO())
[batch[name] for name in mms.MESSAGES]
mms.encode(["LinkMacToViewerPing", b"", ("LinkViewerToMacPong", {})])
mms.encode("LinkMacToViewerPingg")  # wrong
batch["LinkMacToViewerPingg"]  # wrong
batch.findings.texts()  # wrong
mmscodec.open(3)  # wrong
mmscodec.open("x", protocols=["rtsp"])  # wrong
"""


def example() -> str:
    """The statements of all examples of README.md, and USES."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```pycon\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return "\n".join(line[4:] for line in lines if line.startswith((">>> ", "... "))) + USES


def mypy(path: Path) -> set[int]:
    """Numbers of the lines that it refuses."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent",
         f"--cache-dir={path.parent}", "--config-file=", str(path)],
        capture_output=True, text=True, cwd=path.parent,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
    )  # fmt: skip
    if done.returncode not in (0, 1):
        sys.exit(done.stdout + done.stderr)
    return {int(number) for number in re.findall(r"\.py:(\d+): error", done.stdout)}


def pyright(path: Path) -> set[int]:
    """Numbers of the lines that it refuses."""
    config = {"include": [path.name], "extraPaths": [str(ROOT / "src")]}
    (path.parent / "pyrightconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [str(BIN / "pyright"), "--outputjson", "-p", str(path.parent)],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        sys.exit(done.stdout + done.stderr)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {item["range"]["start"]["line"] + 1 for item in found if item["severity"] == "error"}


def main() -> int:
    """1 if a checker refuses a good line, or takes a wrong one."""
    text = example()
    lines = text.splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.py"
        path.write_text(text, encoding="utf-8")
        for checker in (mypy, pyright):
            if checker is pyright and not shutil.which("node"):
                print("pyright: NOT RUN, it needs node", flush=True)
                continue
            for number in sorted(checker(path) ^ wrong):
                what = "takes" if number in wrong else "refuses"
                print(f"{checker.__name__} {what}: {lines[number - 1]}", flush=True)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
