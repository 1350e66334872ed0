"""Source texts as pages show them: coloured lines, and what changed between two of them."""

from __future__ import annotations

import builtins
import difflib
import io
import keyword
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

MOST_COLOURED = 200_000
"""Characters; a longer text is shown as it is."""
MOST_COMPARED = 5_000
"""Lines of either text: the comparison takes the square of them at worst."""

_NAMES = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Changed:
    """A line of a comparison; `kind`: added, removed, same or place."""

    kind: str
    sign: str
    text: str


def lines(source: str) -> list[SafeString]:
    """The text's lines as HTML, Python's words in spans."""
    # The tokenizer counts only these as ends of lines, and so must we.
    source = source.replace("\r\n", "\n").removesuffix("\n")
    plain = source.split("\n")
    if len(source) > MOST_COLOURED:
        return [escape(line) for line in plain]
    try:
        return _coloured(source, plain)
    except (tokenize.TokenError, SyntaxError, IndexError):
        return [escape(line) for line in plain]


def changes(before: str, after: str) -> list[Changed] | None:
    """A unified comparison; empty where both are the same, None where they are too long."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_COMPARED:
        return None
    kinds = {"+": "added", "-": "removed", "@": "place"}
    compared = difflib.unified_diff(old, new, lineterm="", n=3)
    return [
        Changed(kinds.get(line[:1], "same"), line[:1], line if line[:1] == "@" else line[1:])
        for line in list(compared)[2:]
    ]


def _coloured(source: str, plain: list[str]) -> list[SafeString]:
    done: list[list[SafeString | str]] = [[] for _ in plain]
    at = [0] * len(plain)
    for row, start, end, tone in _spans(source, plain):
        # Of braces in f-strings some Pythons tell places that overlap.
        start = max(start, at[row])
        done[row].append(escape(plain[row][at[row] : start]))
        done[row].append(format_html('<span class="{}">{}</span>', tone, plain[row][start:end]))
        at[row] = end
    return [
        mark_safe("".join([*parts, escape(plain[row][at[row] :])]))
        for row, parts in enumerate(done)
    ]


def _spans(source: str, plain: list[str]) -> Iterator[tuple[int, int, int, str]]:
    """(row, start, end, tone) of each coloured piece, in order; texts of several rows in pieces."""
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        tone = _tone(token, previous)
        if token.type == tokenize.NAME:
            previous = token.string
        elif token.string:
            previous = ""
        if not tone:
            continue
        (first, start), (last, end) = token.start, token.end
        for row in range(first - 1, last):
            begin = start if row == first - 1 else 0
            until = end if row == last - 1 else len(plain[row])
            yield row, begin, until, tone


_TEXTS = {
    getattr(tokenize, name)
    for name in ("STRING", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    if hasattr(tokenize, name)
}


def _tone(token: tokenize.TokenInfo, previous: str) -> str:
    if token.type == tokenize.COMMENT:
        return "c"
    if token.type in _TEXTS:
        return "s"
    if token.type == tokenize.NUMBER:
        return "n"
    if token.type == tokenize.OP and token.string == "@":
        return "d"
    if token.type != tokenize.NAME:
        return ""
    if keyword.iskeyword(token.string):
        return "k"
    if previous in ("def", "class"):
        return "f"
    return "b" if token.string in _NAMES else ""
