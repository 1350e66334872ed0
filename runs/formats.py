"""Numbers, times and texts as people read them, in pages and on terminals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .engine.metrics import METRICS
from .fields import iso

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class MetricRow:
    name: str
    label: str
    text: str
    formula: str
    value: float | int | None


def metric_rows(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """Every metric of `metrics`, in the order metrics are shown."""
    return [
        MetricRow(name, m.label, by_kind(m.kind, metrics[name]), m.formula, metrics[name])
        for name, m in METRICS.items()
        if name in metrics
    ]


def by_kind(kind: str, value: float | int | None) -> str:
    """`kind` is a `Metric.kind`."""
    if value is None:
        return NOTHING
    return _BY_KIND[kind](value)


def percent(value: float | None) -> str:
    """A fraction: 0.0512 → 5.12 %."""
    return NOTHING if value is None else f"{value * 100:,.2f} %"


def signed_percent(value: float | None) -> str:
    """A fraction with its sign: 0.0512 → +5.12 %."""
    return NOTHING if value is None else f"{value * 100:+,.2f} %"


def money(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.2f}"


def ratio(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.2f}"


def price(value: float | None) -> str:
    """As many digits as tell two prices apart, of a coin at 60,000 and one at 0.00001 alike."""
    return NOTHING if value is None else f"{value:,.8g}"


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


_BY_KIND = {
    "fraction": percent,
    "ratio": ratio,
    "money": money,
    "seconds": duration,
    "count": lambda value: f"{value:,}",
}
