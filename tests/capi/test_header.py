"""The header by itself: as C and C++ of any standard, with and without Python, and its pages."""

import re
import subprocess
import sysconfig

import pytest

import mmscodec
from tests.capi import projects

STRICT = ("-fsyntax-only", "-pedantic-errors", "-Wall", "-Wextra", "-Wshadow", "-Werror")
PYTHON = ("-isystem", sysconfig.get_path("include"))


def compiled(text: str, language: str, *flags: str) -> str:
    """What a compiler says."""
    done = subprocess.run(
        ["gcc" if language == "c" else "g++", "-x", language, *STRICT, *flags, *PYTHON,
         f"-I{mmscodec.get_include()}", "-"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr


@pytest.mark.parametrize(
    ("language", "standard"),
    [("c", "c99"), ("c", "c11"), ("c", "c17"), ("c++", "c++11"), ("c++", "c++20")],
)
@pytest.mark.parametrize("python", [False, True], ids=["alone", "with Python"])
def test_the_header_is_of_every_standard(language, standard, python):
    if why := projects.missing("c" if language == "c" else "cpp"):
        pytest.skip(why)
    text = "#include <Python.h>\n" * python + "#include <mmscodec.h>\n#include <mmscodec.h>\n"
    text += "int use(const mmscodec_api *codec);\n"
    text += "int use(const mmscodec_api *codec) { return codec->mms->size > 0; }\n"
    assert compiled(text, language, f"-std={standard}") == ""


def test_rows_of_another_layout_do_not_compile():
    if why := projects.missing("c"):
        pytest.skip(why)
    packed = "#pragma pack(1)\n#define uint8_t uint16_t\n#include <mmscodec.h>\n"
    assert "is_laid_out" in compiled(packed, "c")


def test_what_the_page_shows_compiles():
    if why := projects.missing("c"):
        pytest.skip(why)
    text = (projects.ROOT / "docs/c-interface.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
    used = "long of(void);\nlong of(void) { return count(mmscodec_import(), NULL, 0); }\n"
    assert compiled(shown + used, "c", "-std=c11") == ""


def test_a_kernel_can_be_cimported_from_outside(tmp_path):
    if why := projects.missing("cython"):
        pytest.skip(why)
    (tmp_path / "inlined.pyx").write_text(
        """
from mmscodec._kernels.mms.decoder cimport (
    mms_decoder_feed, mms_decoder_free, mms_decoder_init, mms_decoder_t,
)

def messages(bytes stream):
    cdef mms_decoder_t decoder
    cdef const unsigned char *p = stream
    cdef size_t n = len(stream)
    with nogil:
        mms_decoder_init(&decoder, 1 << 20)
        mms_decoder_feed(&decoder, p, n)
    found = decoder.tables.messages.rows
    mms_decoder_free(&decoder)
    return found
"""
    )
    (tmp_path / "setup.py").write_text(
        "import mmscodec\nfrom Cython.Build import cythonize\n"
        "from setuptools import Extension, setup\n"
        "setup(py_modules=[], ext_modules=cythonize([Extension('inlined', ['inlined.pyx'],\n"
        "      include_dirs=[mmscodec.get_include()])], language_level=3))\n"
    )
    done = projects.run("setup.py", "-q", "build_ext", "--inplace", folder=tmp_path, here=tmp_path)
    assert done.returncode == 0, done.stderr
    code = "import inlined; from mmscodec import mms; "
    code += "print(inlined.messages(mms.encode('LinkMacToViewerPing') * 3))"
    done = projects.run("-c", code, folder=tmp_path)
    assert (done.stdout, done.stderr) == ("3\n", "")
