"""Numbers, times and states as the desk's pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from runs import formats, sparklines
from runs.fields import iso
from runs.models import Run

register = template.Library()

register.filter("money", formats.money)
register.filter("percent", formats.percent)
register.filter("rate", formats.rate)
register.filter("ratio", formats.ratio)
register.filter("price", formats.price)
register.filter("duration", formats.duration)
register.filter("filesize", formats.size)

_TONES = {
    Run.Status.STARTING.value: "busy",
    Run.Status.RUNNING.value: "busy",
    Run.Status.STOPPING.value: "warn",
    Run.Status.STOPPED.value: "plain",
    Run.Status.COMPLETED.value: "good",
    Run.Status.FAILED.value: "bad",
    # of health and its checks
    "ok": "good",
    "degraded": "warn",
    "error": "bad",
}


@register.filter
def signed(value: float | None) -> SafeString | str:
    """A fraction as percent, with its sign and the tone of it."""
    return _toned(value, formats.signed_percent(value))


@register.filter
def grouped(digits: Any) -> str:
    """All digits of an amount, as a venue's books have it: 92510.1 as 92,510.1."""
    try:
        return f"{Decimal(str(digits)):,f}"
    except InvalidOperation:
        return str(digits)


@register.filter
def share(value: float) -> str:
    """How much of something is done: 0.4 as 40 %."""
    return f"{round(100 * value)} %"


@register.filter
def gain(value: float | None, currency: str = "") -> SafeString | str:
    """Money won or lost, with its sign and the tone of it."""
    return _toned(value, formats.signed_money(value, currency))


@register.filter
def moment(value: datetime | str | int | None) -> SafeString | str:
    """A time (of a record, of the API, or UTC ms) as <time> in UTC, to the minute."""
    if value is None or value == "":
        return formats.NOTHING
    if isinstance(value, datetime):
        value = int(value.timestamp()) * 1000
    exact = value if isinstance(value, str) else iso(value)
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', exact, formats.moment(exact))


@register.filter
def badge(status: str) -> SafeString:
    return format_html('<span class="badge {}">{}</span>', _TONES.get(status, "plain"), status)


@register.filter
def sparkline(values: Sequence[float]) -> SafeString | str:
    """The equity curve in little; its figures stand beside it."""
    line = sparklines.sparkline(values, 90, 26, 2)
    if line is None:
        return ""
    return format_html(
        '<svg class="spark {}" viewBox="0 0 90 26" aria-hidden="true">'
        '<polyline points="{}"/></svg>',
        "down" if line.fell else "up",
        line.points,
    )


@register.simple_tag(takes_context=True)
def here(context: dict[str, Any], url: str) -> str:
    """aria-current of a link to the page one is on, or to one above it."""
    path = context["request"].path
    return mark_safe(' aria-current="page"') if f"{path}/".startswith(f"{url}/") else ""


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query string with some parameters changed; None takes one away."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        params.pop(name, None)
        if value is not None:
            params[name] = str(value)
    return f"?{params.urlencode()}"


def _toned(value: float | None, text: str) -> SafeString | str:
    if value is None:
        return text
    # By what is read: what rounds to nothing has no sign, and no tone either.
    tone = "up" if text.startswith("+") else "down" if text.startswith("-") else "flat"
    return format_html('<span class="num {}">{}</span>', tone, text)
