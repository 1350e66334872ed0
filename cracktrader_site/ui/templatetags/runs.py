"""Runs as the desk's lists and cards show them."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs import formats, overview, sparklines
from runs.models import Run

register = template.Library()

_SHOWN = 3
# As plotly draws them.
_DASHES = {
    "solid": "",
    "dot": "2 2",
    "dash": "6 6",
    "longdash": "10 10",
    "dashdot": "6 2 2 2",
    "longdashdot": "10 4 2 4",
}


@register.filter
def short_id(run: Run) -> str:
    return str(run.public_id)[:8]


@register.filter
def markets(run: Run) -> str:
    """BTC/USDT, ETH/USDT, SOL/USDT +2"""
    names, more = ", ".join(run.symbols[:_SHOWN]), len(run.symbols) - _SHOWN
    return f"{names} +{more}" if more > 0 else names


@register.filter
def currency(run: Run) -> str:
    """What its money is counted in."""
    return formats.quote(run.symbols[0])


@register.filter
def kind(run: Run) -> SafeString:
    """The mode, that it is a replay, or that its money is a venue's play money.

    `run` of `overview.listed` has `speed` and `plays`, and neither config nor account.
    """
    replays = run.speed is not None if hasattr(run, "speed") else run.replay is not None
    held = None if hasattr(run, "plays") else run.account
    plays = run.plays if hasattr(run, "plays") else held is not None and held.sandbox
    name = "replay" if replays else overview.mode_name(run.mode, plays)
    return format_html('<span class="mode {}">{}</span>', name.split()[-1], name)


@register.filter
def curve(values: Sequence[float]) -> SafeString | str:
    """Equity over the whole width, with a line where it began; its figures stand beside it."""
    line = sparklines.sparkline(values, 300, 60, 3)
    if line is None:
        return ""
    return format_html(
        '<svg class="curve {}" viewBox="0 0 300 60" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="begin" d="M0 {}H300"/><polygon points="0,60 {} 300,60"/>'
        '<polyline points="{}"/></svg>',
        "down" if line.fell else "up",
        line.begin,
        line.points,
        line.points,
    )


@register.filter
def check_name(name: str) -> str:
    """Of a check of health: candle_store → Candle store."""
    return name.replace("_", " ").capitalize()


@register.filter
def dashes(name: str) -> str:
    """A dash of `runs.palette.DASHES` as SVG has it, for a line 2 wide; solid: empty."""
    named = _DASHES.get(name)
    return name.replace("px", "") if named is None else named
