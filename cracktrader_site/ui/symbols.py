"""Venues and their markets as forms name them, and as people spell them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from exchanges import queries
from exchanges.domain import InvalidInput, Symbol
from exchanges.models import Exchange

_QUOTES = ("USDT", "USDC", "USD", "EUR", "BTC")
_NO_LETTER = re.compile(r"[^A-Z0-9]")
_LONGEST_BASE = 10


def venue_label(exchange: Exchange) -> str:
    """Whoever chooses the built-in venue knows what its prices are."""
    label = exchange.title or exchange.name
    return f"{label} (invented)" if exchange.builtin else label


def misspelt(exchange: Exchange | None, names: Iterable[str]) -> str:
    """The first of the names that is no symbol, as it is spelt; empty where nobody can tell."""
    for name in names:
        try:
            Symbol(name)
        except InvalidInput:
            return spelt(exchange, name)
    return ""


def spelt(exchange: Exchange | None, typed: str) -> str:
    """The market that is meant by `ETHUSDT` or `eth-usdt`; empty where nobody can tell."""
    letters = _NO_LETTER.sub("", typed.upper())
    known = queries.symbols_of(exchange) if exchange is not None else []
    for symbol in known:
        if _NO_LETTER.sub("", symbol.upper()) == letters:
            return symbol
    base = next((letters.removesuffix(q) for q in _QUOTES if letters.endswith(q)), "")
    is_likely = not known and 0 < len(base) <= _LONGEST_BASE
    return f"{base}/{letters.removeprefix(base)}" if is_likely else ""
