"""The numbers that kernels have from the schema: those that somebody uses, and no others."""

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "mmscodec"
LAYOUT = PACKAGE / "_kernels" / "core" / "layout.pxd"
CIMPORT = re.compile(r"^from mmscodec\._kernels\.core\.layout cimport (\([^)]*\)|[^\n(]*)", re.M)


def numbers():
    """Names of all numbers and tables of the generated file."""
    text = LAYOUT.read_text(encoding="utf-8")
    return set(re.findall(r"^    (?:const \w+ |unsigned int )?(\w+)(?: = |\[|\(| \")", text, re.M))


def used(text):
    """Those that a source cimports and names again."""
    found = set()
    for match in CIMPORT.finditer(text):
        found |= set(re.findall(r"\w+", match[1]))
    code = re.sub(r"#.*", "", CIMPORT.sub("", text))
    return {name for name in found if re.search(rf"\b{name}\b", code)}


def test_every_number_is_used():
    sources = [path for path in PACKAGE.rglob("*.p[yx][xd]") if path != LAYOUT]
    assert len(numbers()) > 40
    assert numbers() - set().union(*(used(path.read_text("utf-8")) for path in sources)) == set()


def test_what_is_only_imported_or_in_a_comment_is_not_used():
    line = "from mmscodec._kernels.core.layout cimport (\n    MMS_KINDS, SEAL\n)\n"
    assert used("from mmscodec._kernels.core.layout cimport SEAL\nx = SEAL\n") == {"SEAL"}
    assert used("from mmscodec._kernels.core.layout cimport SEAL\n# SEAL\n") == set()
    assert used(line + "MMS_KINDS") == {"MMS_KINDS"}
