"""Every function of the package with its length, nesting and number of arguments."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "mmscodec"


class Function(NamedTuple):
    """One function: `lines` from its first to its last, without its docstring; `nesting` blocks."""

    file: str
    name: str
    lines: int
    nesting: int
    arguments: int


def functions_of(path: Path, text: str) -> list[Function]:
    """The functions that `text`, the source in `path`, defines."""
    name = path.as_posix()
    if path.suffix == ".py":
        return python_functions(name, text)
    if path.suffix in (".pyx", ".pxd"):
        return cython_functions(name, text)
    return c_functions(name, text)


def every_function() -> list[Function]:
    found = []
    for path in sorted(PACKAGE.rglob("*")):
        made = path.suffix == ".c" and path.with_suffix(".pyx").exists()
        if path.suffix in (".py", ".pyx", ".pxd", ".h", ".c") and not made:
            found += functions_of(path.relative_to(PACKAGE), path.read_text(encoding="utf-8"))
    return found


BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match)
DEFS = (ast.FunctionDef, ast.AsyncFunctionDef)


def python_functions(name: str, text: str) -> list[Function]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DEFS):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(arg.arg not in ("self", "cls") for arg in args)
            found.append(Function(name, node.name, lines, depth_of(node), count))
    return found


def depth_of(node: ast.AST, depth: int = 0) -> int:
    """Blocks around the innermost statement of a function; `elif` is no deeper than its `if`."""
    deepest = depth
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (*DEFS, ast.ClassDef)):
                continue
            elif_ = isinstance(node, ast.If) and isinstance(child, ast.If) and field == "orelse"
            deeper = isinstance(child, BLOCKS) and not (elif_ and len(node.orelse) == 1)
            deepest = max(deepest, depth_of(child, depth + deeper))
    return deepest


QUOTED = re.compile(r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*')
CYTHON_DEF = re.compile(r"(?:async )?(?:def|cdef|cpdef)\s[^(=]*?(\w+)\(")
OPENS = re.compile(r"(?:if|elif|else|for|while|with|try|except|finally)\b.*:$")


def cython_functions(name: str, text: str) -> list[Function]:
    found = []
    lines = logical_lines(blanked(text))
    for number, (first, _, indent, line) in enumerate(lines):
        match = CYTHON_DEF.match(line)
        if not match or not line.endswith(":"):
            continue
        levels, nesting, end, quoted = [indent], 0, first, 0
        for start, stop, deeper, inner in lines[number + 1 :]:
            if deeper <= indent:
                break
            while deeper <= levels[-1]:
                levels.pop()
            nesting = max(nesting, len(levels) - 1)
            if OPENS.match(inner):
                nesting = max(nesting, len(levels))
                levels.append(deeper)
            quoted += stop - start + 1 if inner == DOCSTRING else 0
            end = stop
        arguments = [arg for arg in split_arguments(line[match.end() :]) if arg not in RECEIVERS]
        found.append(
            Function(name, match[1], end - first + 1 - quoted, nesting, len(arguments)),
        )
    return found


DOCSTRING = "..."
RECEIVERS = ("self", "cls", "*", "/", "")


def blanked(text: str) -> str:
    """Without comments, strings empty, docstrings as `...`; on as many lines as before."""

    def blank(match: re.Match) -> str:
        if match[0][0] == "#":
            return ""
        word = DOCSTRING if match[0].startswith('"""') else '""'
        # the newlines of a docstring stay inside brackets, so that it is one logical line
        breaks = match[0].count("\n")
        return word if not breaks else f"{word}({chr(10) * breaks})"

    return QUOTED.sub(blank, text)


def logical_lines(text: str) -> list[tuple[int, int, int, str]]:
    """First and last number, indent and text of every line, lines in brackets joined."""
    found, held, first, indent = [], "", 0, 0
    for number, line in enumerate(text.splitlines()):
        if not held:
            if not line.strip():
                continue
            first, indent = number, len(line) - len(line.lstrip())
        held += line.strip() + " "
        if sum(map(held.count, "([{")) == sum(map(held.count, ")]}")) and held[-2] != "\\":
            line = re.sub(r"^\.\.\.\(\s*\)$", DOCSTRING, held.strip())
            found.append((first, number, indent, line))
            held = ""
    return found


def split_arguments(text: str) -> list[str]:
    """The arguments up to the bracket that closes the list."""
    depth, held, found = 0, "", []
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            found.append(held.strip())
            held = ""
        else:
            held += letter
    return [*found, held.strip()]


C_QUOTED = re.compile(r'/\*(?:.|\n)*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')
C_FUNCTION = re.compile(r"^[A-Za-z_][^;{}=#]*?(\w+)\(([^;{}]*)\)\s*\{", re.MULTILINE)


def c_functions(name: str, text: str) -> list[Function]:
    text = C_QUOTED.sub(lambda match: "\n" * match[0].count("\n"), text)
    found = []
    for match in C_FUNCTION.finditer(text):
        body = text[match.end() : closing(text, match.end())]
        lines = (match[0] + body).count("\n") + 1
        indents = [
            len(line) - len(line.lstrip())
            for line in body.splitlines()
            if line.strip() and line.rstrip()[-1] in ";{" and line.lstrip()[0] != "#"
        ]
        nesting = max(indents, default=4) // 4 - 1
        arguments = [arg for arg in split_arguments(match[2]) if arg not in ("void", "")]
        found.append(Function(name, match[1], lines, nesting, len(arguments)))
    return found


def closing(text: str, at: int) -> int:
    """Where the brace closes that was opened in front of `at`."""
    depth = 1
    for brace in re.finditer("[{}]", text[at:]):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return at + brace.start()
    return len(text)
