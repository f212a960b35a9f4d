"""The command `mmscodec`, also as `python -m mmscodec`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Ctrl-C ends it also while modules are being imported."""
    try:
        from mmscodec.cli import main as run

        return run(arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
