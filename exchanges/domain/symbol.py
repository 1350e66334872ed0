"""Spot market names."""

from __future__ import annotations

import re

from .errors import InvalidInput

_PATTERN = re.compile(r"[A-Za-z0-9]{1,20}/[A-Za-z0-9]{1,20}", re.ASCII)


class Symbol(str):
    """A spot market as `BASE/QUOTE`, e.g. `BTC/USDT`.

    A string everywhere a string is wanted (JSON, dict keys), but it cannot be
    made from anything else than two short ASCII names: no path, no
    right-to-left mark and no look-alike letter gets past it.
    """

    __slots__ = ()

    def __new__(cls, value: str) -> Symbol:
        if not isinstance(value, str) or not _PATTERN.fullmatch(value):
            raise InvalidInput(
                "INVALID_SYMBOL",
                f"{value!r} is not a spot symbol",
                expected="BASE/QUOTE, e.g. BTC/USDT",
            )
        return super().__new__(cls, value)

    @property
    def base(self) -> str:
        return self.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.partition("/")[2]
