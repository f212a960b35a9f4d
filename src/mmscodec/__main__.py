"""`python -m mmscodec` is the command `mmscodec`."""

import sys

from mmscodec.cli import main

if __name__ == "__main__":
    sys.exit(main())
