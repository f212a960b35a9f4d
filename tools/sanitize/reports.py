"""What the run-time libraries wrote: errors, races, and leaks by the library that leaked."""

import re
from collections import Counter
from pathlib import Path

FRAME = re.compile(r"^ +#\d+ \S+ +(?:in (\S+) )?(.*)$")
#: Frames that say nothing about who leaked: the interpreter, and the allocator itself.
NOBODY = re.compile(
    r"^(Modules|Objects|Python|Include|Parser|Programs)/|/bin/python|libpython"
    r"|libsanitizer|libasan|libubsan|libclang_rt|libc\.so|libstdc|<null>"
)
LIBRARY = re.compile(r"/([^/ ]+?)(?:\.cpython[^/ ]*)?\.so\S*\+0x|\(([^()]*?)\+0x")
OURS = "mmscodec"


def leaked_by(stack: str) -> str:
    """The first library above the allocator and the interpreter; of ours, always ours."""
    frames = [match[2] for match in map(FRAME.match, stack.splitlines()) if match]
    if any(OURS in where for where in frames):
        return OURS
    for where in frames:
        if not NOBODY.search(where):
            found = re.search(r"\(?([^() ]+)\+0x", where)
            return Path(found[1]).name if found else where
    return "the interpreter"


def read(folder: Path) -> tuple[list[str], Counter]:
    """Errors and leaks of our own, and how many leaks others have."""
    errors, others = [], Counter()
    for path in sorted(folder.glob("report.*")):
        text = path.read_text(errors="replace")
        if "LeakSanitizer" not in text:
            errors.append(text)
            continue
        for leak in re.split(r"\n(?=(?:Direct|Indirect) leak)", text)[1:]:
            owner = leaked_by(leak)
            if owner == OURS:
                errors.append(leak)
            else:
                others[owner] += 1
    return errors, others
