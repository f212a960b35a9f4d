"""What a mutant may change in an expression: one operator, one constant, one pair of operands."""

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r'"(?:\\.|[^"\\])*"|0[xX][0-9a-fA-F]+|\d+\.\d+|\d+|[A-Za-z_]\w*'
    r"|<<=|>>=|//=|<<|>>|<=|>=|==|!=|\+=|-=|\*=|&=|\|=|\^=|//|\S"
)
CAST = re.compile(r"<(?:const )?\w+(?: \*+)?>")
SIZEOF = re.compile(r"sizeof\([^()]*\)")
WORDS = {"and", "or", "not", "in", "if", "else", "return", "is", "sizeof"}
COMPARE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"and": "or", "or": "and"}
ARITHMETIC = {
    "+": "-", "-": "+", "*": "+", "//": "*", "%": "*", "<<": ">>", ">>": "<<", "&": "|",
    "|": "&", "^": "&", "+=": "-=", "-=": "+=", "<<=": ">>=", ">>=": "<<=", "&=": "|=",
    "|=": "&=", "^=": "|=", "*=": "+=",
}  # fmt: skip
NAMED = re.compile(r"[A-Z][A-Z0-9_]{2,}$")
NOT_NUMBERS = {"NULL"}


class Token(NamedTuple):
    """A token and where it stands."""

    text: str
    start: int
    end: int


class Change(NamedTuple):
    """Text between `start` and `end` replaced."""

    kind: str
    start: int
    end: int
    text: str


def is_operand(token: Token | None) -> bool:
    """Whether a binary operator may follow."""
    if token is None or token.text in WORDS:
        return False
    return token.text[0] in ")]" or token.text[0].isalnum() or token.text[0] in '_"'


def tokens(text: str) -> list[Token]:
    """The tokens of an expression; casts and sizes of types are one token each."""
    found: list[Token] = []
    at = 0
    while match := TOKEN.search(text, at):
        before = found[-1] if found else None
        whole = SIZEOF.match(text, match.start())
        if match[0] == "<" and not is_operand(before):
            whole = CAST.match(text, match.start())
        end = whole.end() if whole else match.end()
        found.append(Token(text[match.start() : end], match.start(), end))
        at = end
    return found


def changes(text: str) -> Iterator[Change]:
    """Every change of one token of an expression, or of one pair of operands."""
    found = tokens(text)
    for number, token in enumerate(found):
        before = found[number - 1] if number else None
        binary = is_operand(before)
        if binary and token.text in COMPARE:
            yield Change("comparison", token.start, token.end, COMPARE[token.text])
        elif token.text in LOGIC:
            yield Change("and/or", token.start, token.end, LOGIC[token.text])
        elif binary and token.text in ARITHMETIC:
            yield Change("operator", token.start, token.end, ARITHMETIC[token.text])
            if token.text in ("-", "<<", ">>") and (swap := swapped(text, found, number)):
                yield swap
        elif token.text == "not":
            yield Change("not", token.start, token.end + 1, "")
        elif token.text == "in" and (before is None or before.text != "not"):
            yield Change("not", token.start, token.end, "not in")
        else:
            yield from constants(found, number)


def constants(found: list[Token], number: int) -> Iterator[Change]:
    """A number or a named constant one larger, or one smaller."""
    token = found[number]
    after = found[number + 1].text if number + 1 < len(found) else ""
    if token.text in ("True", "False"):
        other = {"True": "False", "False": "True"}[token.text]
        yield Change("constant", token.start, token.end, other)
    elif "." in token.text[1:]:
        yield Change("constant", token.start, token.end, f"({token.text} * 2)")
    elif token.text[0].isdigit() and not after_minus(found, number):
        value = int(token.text, 0)
        yield Change("constant", token.start, token.end, str(value + 1))
        if value:
            yield Change("constant", token.start, token.end, str(value - 1))
    elif NAMED.match(token.text) and token.text not in NOT_NUMBERS and after not in ("(", "."):
        yield Change("constant", token.start, token.end, f"({token.text} + 1)")


def after_minus(found: list[Token], number: int) -> bool:
    """Whether a number is a status like -1, of which callers ask whether it is 0."""
    minus = number > 0 and found[number - 1].text == "-"
    return minus and not is_operand(found[number - 2] if number > 1 else None)


def swapped(text: str, found: list[Token], number: int) -> Change | None:
    """The operands of a binary operator exchanged; None where both are the same."""
    left, right = atom_before(found, number), atom_after(found, number)
    if left is None or right is None:
        return None
    a, b = text[left : found[number - 1].end], text[found[number + 1].start : right]
    if a == b:
        return None
    return Change("swapped", left, right, f"{b} {found[number].text} {a}")


def atom_before(found: list[Token], number: int) -> int | None:
    """Where the operand in front of an operator begins."""
    at = number - 1
    while at >= 0:
        if found[at].text in ")]":
            at = matching(found, at)
        if at > 0 and found[at].text in "([" and is_operand(found[at - 1]):
            at -= 1  # a call or an index
        elif at > 1 and found[at - 1].text == ".":
            at -= 2
        elif at > 0 and CAST.fullmatch(found[at - 1].text):
            at -= 1
        else:
            break
    return found[at].start if at >= 0 else None


def matching(found: list[Token], at: int) -> int:
    """The bracket that the closing one at `at` closes."""
    depth = 0
    while at >= 0:
        depth += (found[at].text in (")", "]")) - (found[at].text in ("(", "["))
        if depth == 0:
            return at
        at -= 1
    return at


def atom_after(found: list[Token], number: int) -> int | None:
    """Where the operand behind an operator ends."""
    at, depth = number + 1, 0
    if at < len(found) and CAST.fullmatch(found[at].text):
        at += 1
    if at >= len(found) or not (is_operand(found[at]) or found[at].text == "("):
        return None
    while at < len(found):
        depth += (found[at].text in ("(", "[")) - (found[at].text in (")", "]"))
        after = found[at + 1].text if at + 1 < len(found) else ""
        if depth == 0 and found[at].text != "." and after not in (".", "(", "["):
            return found[at].end
        at += 1
    return None
