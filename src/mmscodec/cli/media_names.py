"""Names of media files out of what a peer said: safe on any disk, letters of any script kept."""

from __future__ import annotations

import re
import unicodedata

_SUFFIXES = (".asf", ".wmv", ".wma")
#: Letters, their marks, numbers: General Categories of Unicode.
KEPT = ("L", "M", "N")
#: Joiners between letters of Indic and Persian words; names of files do without them.
_DROPPED = "\u200c\u200d"
MOST = 100  # letters, and as bytes of UTF-8:
_MOST_BYTES = 180  # disks take 255, with the number, `-2` and `.part` around it


def safe_name(text: str) -> str:
    """A file name for what a peer called a file.

    The last part of a path without its query. Letters, marks and digits of any script stay, and
    `.`, `_`, `-`; all else becomes `_`. Nothing of it can lead out of a directory. A long name is
    cut in front of its suffix.

    >>> safe_name("../a b\\\\音楽 1.wmv?x=1"), safe_name("c:")
    ('音楽_1.wmv', 'c.asf')
    """
    last = re.split(r"[/\\]", text.split("?", 1)[0])[-1]
    last = unicodedata.normalize("NFC", last)
    kept = "".join(_one(letter) for letter in last if letter not in _DROPPED)
    name = re.sub("_+", "_", kept).strip("._-") or "session"
    stem, dot, suffix = name.rpartition(".")
    if f".{suffix}".lower() not in _SUFFIXES or not stem:
        stem, dot, suffix = name, ".", "asf"
    return _cut(stem) + dot + suffix


def _one(letter: str) -> str:
    return letter if letter in "._-" or unicodedata.category(letter)[0] in KEPT else "_"


def _cut(text: str) -> str:
    # no letter halved, none without its marks
    short = text[:MOST].encode()[:_MOST_BYTES].decode(errors="ignore")
    if short == text:
        return text
    while short and unicodedata.category(text[len(short)])[0] == "M":
        short = short[:-1]
    return short.rstrip("._-") or "session"
