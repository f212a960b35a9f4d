"""Links in docstrings: pages of `docs` that they name, and sections of WinMX that they cite."""

from __future__ import annotations

import re

from tools.docs.sections import anchors

_PAGE = re.compile(r"(?<![\w/`])docs/([\w/-]+)\.md\b")
_SECTION = re.compile(r"\b([Ss]ection) (\d[\d.]*\d|\d)\b")


def linked(text: str, module: str) -> str:
    """A line of a docstring of a module, for its page in `reference/api`.

    >>> linked("file, times, quality; see docs/sessions.md.", "mmscodec.sessions")
    'file, times, quality; see :doc:`docs/sessions.md </sessions>`.'
    >>> linked("Section 6.3. Both ends step the state.", "mmscodec.winmx.cipher")
    '`Section 6.3 <../../spec/winmx.html#63-stream-cipher>`__. Both ends step the state.'
    """
    text = _PAGE.sub(lambda m: f":doc:`{m[0]} </{m[1]}>`", text)
    if not module.startswith("mmscodec.winmx"):
        return text
    known = anchors("winmx")

    def section(m: re.Match[str]) -> str:
        if m[2] not in known:
            return m[0]
        return f"`{m[0]} <../../spec/winmx.html#{known[m[2]]}>`__"

    return _SECTION.sub(section, text)
