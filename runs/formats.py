"""Numbers, times and texts as people read them, in pages and on terminals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .engine.metrics import METRICS
from .fields import iso

NOTHING = "\N{EN DASH}"

# Money of which nobody counts more than cents; of a coin its smallest parts are worth something.
_IN_CENTS = frozenset(
    {
        *("USD", "EUR", "GBP", "CHF", "JPY", "AUD", "CAD", "BRL", "TRY", "KRW", "UAH", "PLN"),
        *("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USDP", "PYUSD", "DAI", "USDE", "EURC", "EURT"),
    }
)


@dataclass(frozen=True, slots=True)
class MetricRow:
    name: str
    label: str
    text: str
    formula: str
    value: float | int | None


def quote(symbol: str) -> str:
    """What its prices are counted in: BTC/USDT → USDT; empty of what is no symbol."""
    return symbol.partition("/")[2]


def metric_rows(metrics: Mapping[str, Any], currency: str = "") -> list[MetricRow]:
    """Every metric of `metrics`, in the order metrics are shown; its money is in `currency`."""
    return [
        MetricRow(name, m.label, by_kind(m.kind, metrics[name], currency), m.formula, metrics[name])
        for name, m in METRICS.items()
        if name in metrics
    ]


def by_kind(kind: str, value: float | int | None, currency: str = "") -> str:
    """`kind` is a `Metric.kind`."""
    if value is None:
        return NOTHING
    return money(value, currency) if kind == "money" else _BY_KIND[kind](value)


def percent(value: float | None) -> str:
    """A fraction: 0.0512 → 5.12 %."""
    return NOTHING if value is None else f"{_fixed(value * 100, 2)} %"


def signed_percent(value: float | None, places: int = 2) -> str:
    """A fraction with its sign: 0.0512 → +5.12 %."""
    return NOTHING if value is None else f"{_fixed(value * 100, places, '+')} %"


def rate(value: float | None) -> str:
    """A fraction that somebody set, with all its digits: 0.00075 → 0.075 %."""
    return NOTHING if value is None else f"{_trimmed(_fixed(value * 100, 8))} %"


def money(value: float | None, currency: str = "", sign: str = "") -> str:
    """To the cent: 1,234.50.

    Of less than a cent, and of coins that are worth more than a cent, as many
    digits as it takes: 0.00042, and 0.01234568 of BTC.  `sign`: `+` shows it always.
    """
    return NOTHING if value is None else _fixed(value, 2, sign, _most(value, currency))


def signed_money(value: float | None, currency: str = "") -> str:
    return money(value, currency, "+")


def ratio(value: float | None) -> str:
    return NOTHING if value is None else _fixed(value, 2)


def price(value: float | None) -> str:
    """Enough digits to tell two prices apart, of a coin at 60,000 and one at 0.00001 alike."""
    if value is None:
        return NOTHING
    return _trimmed(_fixed(value, max(7 - _magnitude(value), 0)))


def duration(seconds: float | None) -> str:
    """The two largest units: 93784 → 1 d 2 h."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.3g} s"
    left, parts = int(seconds), []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def moment(value: str | int | None) -> str:
    """A time of the API, ISO 8601 or UTC ms: 2024-01-01 00:00."""
    if value is None:
        return NOTHING
    return (iso(value) if isinstance(value, int) else value)[:16].replace("T", " ")


def size(count: int) -> str:
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def printable(text: object) -> str:
    """One line without control characters: a name must not drive the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def _fixed(value: float, places: int, sign: str = "", most: int = 0) -> str:
    """Without exponent, and no sign before what is nothing; up to `most` places that tell."""
    text = f"{value:{sign},.{max(places, most)}f}"
    if most > places:
        text = _trimmed(text, places)
    return text if any(c in "123456789" for c in text) else f"{0:.{places}f}"


def _trimmed(text: str, places: int = 0) -> str:
    """Without zeros at the end, but for `places` digits after the point."""
    whole, point, rest = text.partition(".")
    if not point:
        return text
    rest = rest.rstrip("0").ljust(places, "0")
    return f"{whole}.{rest}" if rest else whole


def d3_money(currency: str) -> str:
    """As `money`, for what draws charts: a format of d3."""
    return ",.8~r" if currency and currency not in _IN_CENTS else ",.2f"


def _most(value: float, currency: str) -> int:
    """How many places of an amount may be shown."""
    if currency and currency not in _IN_CENTS:
        return min(max(7 - _magnitude(value), 2), 8)
    return min(1 - _magnitude(value), 8) if abs(value) < 0.01 else 2


def _magnitude(value: float) -> int:
    """The power of ten of its first digit."""
    return math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0


_BY_KIND = {
    "fraction": percent,
    "ratio": ratio,
    "seconds": duration,
    "count": lambda value: f"{value:,}",
}
