"""Table cells of runs.  Every text goes through format_html; only numbers are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs import formats, sparklines
from runs.models import Run

STATUS_LABELS = {
    Run.Status.STARTING.value: "info",
    Run.Status.RUNNING.value: "info",
    Run.Status.STOPPING.value: "warning",
    Run.Status.STOPPED.value: "warning",
    Run.Status.COMPLETED.value: "success",
    Run.Status.FAILED.value: "danger",
}


def sparkline(values: Sequence[float]) -> SafeString | str:
    """The equity curve in little, as inline SVG."""
    line = sparklines.sparkline(values, 90, 26, 2)
    if line is None:
        return formats.NOTHING
    return format_html(
        '<svg class="ct-spark {}" viewBox="0 0 90 26" width="90" height="26" role="img" '
        'aria-label="Equity from {} to {}"><polyline points="{}"/></svg>',
        _sign(line.last - line.first),
        formats.money(line.first),
        formats.money(line.last),
        line.points,
    )


def signed_percent(value: float | None) -> SafeString | str:
    """A fraction, coloured by its sign."""
    if value is None:
        return formats.NOTHING
    return _signed(value, formats.signed_percent(value))


def signed_money(value: float | None) -> SafeString | str:
    return formats.NOTHING if value is None else _signed(value, formats.signed_money(value))


def punctuality(now: str, late: int) -> SafeString | str:
    """How it does now, and how many bars were stepped late."""
    parts = [now] if now else []
    if not late:
        return number(*parts) if parts else formats.NOTHING
    text = " \N{MIDDLE DOT} ".join([*parts, f"{late:,} late"])
    return format_html('<span class="ct-num ct-warns">{}</span>', text)


def number(text: str) -> SafeString:
    return format_html('<span class="ct-num">{}</span>', text)


def _signed(value: float, text: str) -> SafeString:
    return format_html('<span class="ct-num {}">{}</span>', _sign(value), text)


def _sign(value: float) -> str:
    if value == 0:
        return "ct-flat"
    return "ct-up" if value > 0 else "ct-down"
