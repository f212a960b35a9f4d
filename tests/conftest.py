"""Settings that all tests share."""

from hypothesis import settings

# No deadline: shared machines are slow now and then, builds with sanitizers always. The same
# examples in every run: a failure is the fault of a change, and is there again in the next run.
settings.register_profile("mmscodec", deadline=None, derandomize=True)
settings.load_profile("mmscodec")
