"""Settings that all tests share."""

from hypothesis import settings

# shared machines are slow now and then, builds with sanitizers always
settings.register_profile("mmscodec", deadline=None)
settings.load_profile("mmscodec")
