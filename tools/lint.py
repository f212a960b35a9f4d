"""Every check that is not a test; the same in the gate, in CI and on a desk."""

import os
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parent.parent
STUBTEST = ["--ignore-unused-allowlist", "--ignore-disjoint-bases"]
PLACES = ["src", "tests", "benchmarks", "tools", "examples", "setup.py", "run"]


def checks() -> list[list[str]]:
    """Command lines; programs without a path stand beside the interpreter that runs this file."""
    places = [place for place in PLACES if (ROOT / place).exists()]
    cython = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("src/**/*.p[yx][xd]"))]
    return [
        ["ruff", "check", *places],
        ["ruff", "format", "--check", *places],
        ["cython-lint", *cython],
        ["mypy"],
        ["stubtest", *stubbed(), "--allowlist=tools/stubtest.allow", *STUBTEST],
        ["zizmor", "--offline", "--quiet", ".github"],
        [sys.executable, "tools/workflows.py"],
        [sys.executable, "tools/readme_types.py"],
    ]


def stubbed() -> list[str]:
    """Modules that have a stub beside them."""
    stubs = sorted((ROOT / "src").glob("mmscodec/**/*.pyi"))
    return [".".join(stub.relative_to(ROOT / "src").with_suffix("").parts) for stub in stubs]


def main() -> int:
    """Run all of them, also after a failure; 1 if any failed."""
    failed = []
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = dict(os.environ, PATH=path, MYPYPATH="src")
    for check in checks():
        program = check[0] if os.path.isabs(check[0]) else str(BIN / check[0])
        print("$", *check[:3], flush=True)
        if subprocess.call([program, *check[1:]], cwd=ROOT, env=environment):
            failed.append(Path(check[1] if os.path.isabs(check[0]) else check[0]).name)
    print("lint:", "failed: " + ", ".join(failed) if failed else "clean")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
