"""A C++ extension that decodes MMS: the folder of mmscodec.h is all that it needs."""

from setuptools import Extension, setup

import mmscodec

setup(
    ext_modules=[
        Extension(
            "mms_rows_cpp",
            ["mms_rows_cpp.cpp"],
            include_dirs=[mmscodec.get_include()],
            language="c++",
        ),
    ],
    py_modules=[],
)
