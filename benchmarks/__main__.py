"""`python -m benchmarks [ARGS]`: run every benchmark and print its table.

Arguments go to pytest: `-k decode`, `benchmarks/bench_mms.py`, `--benchmark-json=FILE`.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def main() -> int:
    arguments = sys.argv[1:]
    places = [] if any(Path(word).exists() for word in arguments) else [str(HERE)]
    return pytest.main(
        [
            *places,
            *arguments,
            "-q",
            "--override-ini=python_files=bench_*.py",
            "--override-ini=python_functions=bench_*",
            "--benchmark-columns=min,median,rounds",
            "-p",
            "no:cacheprovider",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
