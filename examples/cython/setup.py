"""A Cython extension that decodes MMS: `from mmscodec cimport capi`."""

from Cython.Build import cythonize
from setuptools import Extension, setup

import mmscodec

setup(
    ext_modules=cythonize(
        [
            Extension(
                "mms_rows_cython", ["mms_rows_cython.pyx"], include_dirs=[mmscodec.get_include()]
            )
        ],
        language_level=3,
    ),
    py_modules=[],
)
