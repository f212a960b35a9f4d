"""Settings of Sphinx; `./run docs` calls it."""

from mmscodec import __version__
from tools.docs.docstrings import linked

project = "mmscodec"
author = "The mmscodec developers"
copyright = author
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns: list[str] = []

html_theme = "furo"
html_title = "mmscodec"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path = [str(__import__("pathlib").Path(__file__).with_name("static"))]
html_css_files = ["site.css"]

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

# Single backquotes in docstrings are code.
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# Every cross reference must lead somewhere. What others define has no page here.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(builtins|np|numpy|collections|os|pathlib|uuid|enum|abc|typing)\..*"),
    ("py:class", r"(bool|bytes|dict|float|int|list|object|str|tuple|ndarray|IntEnum|ValueError)"),
]


def _link(app, what, name, obj, options, lines) -> None:
    module = getattr(obj, "__module__", None) or name
    lines[:] = [linked(line, module) for line in lines]


def setup(app) -> None:
    """Docstrings link to the pages that they name."""
    app.connect("autodoc-process-docstring", _link)
