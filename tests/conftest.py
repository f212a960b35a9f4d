"""Settings that all tests share."""

import os

from hypothesis import settings

# No deadline: shared machines are slow now and then, builds with sanitizers always. The same
# examples in every run: a failure is the fault of a change, and is there again in the next run.
settings.register_profile("mmscodec", deadline=None, derandomize=True)
settings.load_profile("mmscodec")

# With one of these set, pytest prints all differences of two sequences, in a time that grows with
# the square of their length: a test that fails on two streams of bytes looks as if it hangs.
for name in ("CI", "BUILD_NUMBER"):
    os.environ.pop(name, None)
