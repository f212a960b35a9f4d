"""Puts the sources of the site together: written pages, pages of the project, generated pages.

A file that is new in `docs` is on the site without being named anywhere.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from posixpath import dirname, normpath, relpath

import mmscodec
from tools.docs import api, codes, columns, commandline, filters, messages
from tools.docs.markdown import relinked, toctree

ROOT = Path(__file__).resolve().parents[2]
#: Pages that are read first, in this order; the others follow by name.
FIRST = ("guide", "questions", "cookbook", "coming-from-tshark", "comparison")
#: Pages of the project that are no part of `docs`, and their names on the site.
PROJECT = {
    "README.md": "project/readme",
    "examples/README.md": "project/examples",
    "CONTRIBUTING.md": "project/contributing",
    "SECURITY.md": "project/security",
    "CHANGELOG.md": "project/changelog",
    "benchmarks/README.md": "project/benchmarks",
    "tests/captures/mms/README.md": "project/captures-of-players",
    "tests/captures/own/README.md": "project/captures-of-our-own",
}
#: Generated indexes, in the order of the side bar.
REFERENCE = ("commands", "tables", "views", "mms", "winmx", "faults", "rules", "values",
             "filters", "api")  # fmt: skip
#: What the indexes are called on the pages below them.
UP = {"commands": "Commands", "tables": "Tables and columns", "mms": "Messages of MMS",
      "winmx": "Packets of WinMX", "api": "Python"}  # fmt: skip
#: A capture file without frames.
NOTHING = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")


def written() -> dict[str, str]:
    """Paths of Markdown files in the repository, and their names on the site."""
    own = {
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT / "docs")
        .with_suffix("")
        .as_posix()
        for path in sorted((ROOT / "docs").rglob("*.md"))
    }
    return own | {path: name for path, name in PROJECT.items() if (ROOT / path).exists()}


def generated() -> Iterator[tuple[str, str]]:
    """Names below `reference` and texts of the pages that are made from the code."""
    with mmscodec.open(NOTHING) as cap:
        tables = {name: cap.table(name) for name in cap.tables}
        yield from commandline.pages()
        yield from columns.table_pages(tables)
        yield "views", columns.view_page()
        yield from messages.mms_pages(tables)
        yield from messages.winmx_pages(tables)
        yield "filters", filters.page(tables)
    yield "faults", codes.faults()
    yield "rules", codes.rules()
    yield "values", codes.names()
    yield from api.pages()


def moved(path: str, names: dict[str, str], text: str) -> str:
    """A page of the repository with its links as they are on the site.

    A link to a file that is no page becomes the name of the file.
    """
    here = dirname(names[path])

    def change(words: str, target: str) -> str:
        if "://" in target or target.startswith(("#", "mailto:")):
            return f"[{words}]({target})"
        place, _, anchor = target.partition("#")
        file = normpath(os.path.join(dirname(path), place))
        anchor = f"#{anchor}" if anchor else ""
        if file.startswith("docs/reference/"):  # exists on the site only
            name = file.removeprefix("docs/").removesuffix(".md")
        elif file in names:
            name = names[file]
        elif f"{file}/README.md" in names:
            name = names[f"{file}/README.md"]
        elif (ROOT / file).exists():
            return f"{words} (`{file}`)" if words.strip("`") != file else f"`{file}`"
        else:
            raise SystemExit(f"{path}: no such file: {target}")
        ending = "rst" if name.startswith("reference/api/") else "md"
        return f"[{words}]({relpath(name, here or '.')}.{ending}{anchor})"

    return relinked(text, change)


def orphan(name: str, text: str, above: str, words: str) -> str:
    """A page that is not in the side bar, which would be long, with a link to the page above."""
    if name.endswith(".rst"):
        return f":orphan:\n\n:doc:`{words} <{above}>`\n\n{text}"
    return f"---\norphan: true\n---\n\n[{words}]({above}.md)\n\n{text}"


def front(names: list[str]) -> str:
    """The lists of pages for the side bar."""
    top = [name for name in names if "/" not in name and name != "index"]
    first = [name for name in FIRST if name in top]
    project = [name for name in names if name.startswith("project/")]
    return "\n" + "\n".join([
        toctree(first, "Start here"),
        toctree(sorted(set(top) - set(first)), "Topics"),
        toctree([f"reference/{name}" for name in REFERENCE], "Reference"),
        toctree([*(n for n in names if n.startswith("spec/")), "decisions/README", *project],
                "Background"),
    ])  # fmt: skip


def stage(folder: Path) -> list[str]:
    """Write all sources of the site below `folder`; their names."""
    shutil.rmtree(folder, ignore_errors=True)
    names = written()
    made = []

    def put(name: str, text: str) -> None:
        path = folder / (name if name.endswith(".rst") else f"{name}.md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        made.append(name)

    for path, name in names.items():
        text = moved(path, names, (ROOT / path).read_text(encoding="utf-8"))
        if name == "project/readme":
            text = text.replace("# mmscodec", "# Readme", 1)
        if name == "index":
            text += front(list(names.values()))
        if name.startswith("decisions/0"):
            text = orphan(name, text, "README", "Decisions")
        put(name, text)
    for name, text in generated():
        above, _, below = name.partition("/")
        if below:
            text = orphan(name, text, f"../{above}", UP[above])
        put(f"reference/{name}", text)
    return made
