"""Whether a run on live bars keeps up with its venue."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings

from exchanges.domain import Timeframe
from exchanges.queries import clock

from . import formats
from .models import Run

_DAY = 86_400_000


class Due(NamedTuple):
    """The bar a run steps next closes at `closes_ms`; `late`: seconds since then, if too many."""

    closes_ms: int
    late: float | None
    text: str


def due(run: Run) -> Due | None:
    """None of what does not wait for bars of the present; only of a run as it stands now.

    Reads `mode`, `status`, `cursor_ms` and `timeframe`, and of `config` whether it replays.
    """
    if not run.is_active or not run.is_stepped or run.cursor_ms is None or run.replay is not None:
        return None
    return after(run.cursor_ms, run.timeframe)


def after(cursor_ms: int, timeframe: str) -> Due:
    """Of a run that has stepped until `cursor_ms`.

    A bar is late from LATE_SECONDS after its close on, as it is when it is stepped.
    """
    length = Timeframe.parse(timeframe)
    closes_ms = length.ceil(cursor_ms) + length.ms
    waited = (clock().now_ms() - closes_ms) / 1000
    if waited > settings.LATE_SECONDS:
        return Due(closes_ms, waited, f"{formats.duration(round(waited))} late")
    shown = formats.moment(closes_ms)
    return Due(closes_ms, None, f"next closes {shown[11:] if length.ms < _DAY else shown}")
