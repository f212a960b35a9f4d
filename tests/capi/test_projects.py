"""The example projects in C, C++ and Cython are built out of tree, run, and give the right rows."""

import os

import pytest

from tests.capi import projects

pytest.importorskip("pip", reason="no pip to install the examples with")


def wanted(name: str) -> None:
    if why := projects.missing(name):
        pytest.skip(why)


@pytest.mark.parametrize("name", projects.NAMES)
def test_an_example_project_gives_the_rows_of_the_decoder(name, tmp_path):
    wanted(name)
    made = projects.build(name, tmp_path)
    done = projects.run("-m", "tests.capi.use", name, folder=made)
    assert done.returncode == 0, done.stderr
    word, count = done.stdout.split()
    assert word == name
    assert int(count) > 10


@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="a sanitizer is there already")
@pytest.mark.parametrize("name", projects.NAMES)
def test_an_example_project_is_clean_under_sanitizers(name, tmp_path):
    wanted(name)
    made = projects.build(name, tmp_path, projects.SANITIZE)
    library = projects.runtime("libasan.so")
    if "/" not in library:
        pytest.skip("gcc has no address sanitizer here")
    done = projects.run(
        "-m", "tests.capi.use", name, folder=made,
        preload=f"{library} {projects.runtime('libstdc++.so.6')}",
        ASAN_OPTIONS="detect_leaks=0:abort_on_error=0:exitcode=9", PYTHONMALLOC="malloc",
        UBSAN_OPTIONS="print_stacktrace=1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ERROR: AddressSanitizer" not in done.stderr
    assert "runtime error" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "#define MMSCODEC_ABI_VERSION 1",
            "#define MMSCODEC_ABI_VERSION 2",
            "compiled for version 2 of the C interface of mmscodec, but version 1 is installed",
        ),
        # a later header of the same version, with a function that this package has not
        (
            "    const char *(*status_text)(int status);",
            "    const char *(*status_text)(int status);\n    void (*later)(void);",
            "compiled for a later header of mmscodec",
        ),
    ],
)
def test_another_interface_is_refused_at_import(old, new, said, tmp_path):
    wanted("c")
    header = tmp_path / "include"
    header.mkdir()
    text = (projects.PACKAGE / "_kernels/include/mmscodec.h").read_text(encoding="utf-8")
    assert text.count(old) == 1
    (header / "mmscodec.h").write_text(text.replace(old, new), encoding="utf-8")
    made = projects.build("c", tmp_path, f"-I{header}")
    done = projects.run("-c", "import mms_rows_c", folder=made)
    assert done.returncode == 1
    assert f"ImportError: {said}" in done.stderr
