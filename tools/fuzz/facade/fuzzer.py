"""The process in which atheris runs: python -m tools.fuzz.facade.fuzzer NAME [libFuzzer's options].

It is started with the sanitizers of atheris preloaded, on a build of the extensions whose branches
libFuzzer sees (tools/fuzz/facades.py).
"""

import sys

import atheris

with atheris.instrument_imports(include=["mmscodec"], enable_loader_override=False):
    import mmscodec
    from tools.fuzz import facade


def main() -> None:
    """Give the target one input after the other; libFuzzer ends the process."""
    assert "/package/" in mmscodec.__file__, mmscodec.__file__
    name = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], facade.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
