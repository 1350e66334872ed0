"""What the first page shows of the desk: what goes on, what ended last, what needs somebody."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.urls import reverse

from runs import health, overview
from runs.models import Run

from . import checks
from .columns import PLAIN

MOST_ACTIVE = 24
RECENT = 10
_MODES = (Run.Mode.LIVE.value, overview.SANDBOX, Run.Mode.PAPER.value, Run.Mode.BACKTEST.value)

# Where to look first; the rest is in the report of health.
_ALERTS = {
    "accounts_killed": ("Kill switches thrown", "ui:accounts"),
    "discrepancies": ("Differences between books and venue to decide on", "ui:accounts"),
    "orders_in_doubt": ("Orders whose fate at the venue is not known", "ui:accounts"),
    "accounts_failing": ("Accounts whose venue does not answer", "ui:accounts"),
    "feeds_stale": ("Markets without new bars", "ui:venues"),
    "feeds_failing": ("Markets whose venue does not answer", "ui:venues"),
}


class Alert(NamedTuple):
    count: int
    text: str
    url: str


def board(owner: str) -> dict[str, Any]:
    """For templates/ui/parts/active_board.html; a few queries, whatever the number of runs."""
    standings = overview.active(owner, MOST_ACTIVE)
    modes = overview.modes(owner)
    report = health.report()
    ended = overview.listed(owner).exclude(status__in=Run.ACTIVE)
    recent, active = list(ended[:RECENT]), sum(modes.values())
    return {
        "standings": standings,
        "modes": [(mode, modes[mode]) for mode in _MODES if mode in modes],
        "active": active,
        "more": max(active - len(standings), 0),
        "today": overview.today(owner),
        "totals": sorted(overview.earned(owner), key=lambda total: _MODES.index(total.mode)),
        "recent": recent,
        "ahead": checks.looking_ahead(run.strategy_version_id for run in recent),
        "columns": PLAIN,
        "report": report,
        "alerts": alerts(report["metrics"]),
        "measuring": any(standing.measured for standing in standings),
    }


def alerts(metrics: dict[str, float | None]) -> list[Alert]:
    found = []
    for name, (text, where) in _ALERTS.items():
        count = int(metrics.get(name) or 0)
        if count:
            found.append(Alert(count, text, reverse(where)))
    return found
