"""What runs have made of strategies."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Max, Q

from runs import queries
from runs.models import Run


@dataclass(frozen=True, slots=True)
class Usage:
    """`best`: the highest total return of those that are over, a fraction; None: none has one."""

    runs: int = 0
    best: float | None = None


def by_strategy(owner: str) -> dict[str, Usage]:
    """By strategy name, of the runs an owner sees; in one query."""
    rows = queries.visible_runs(owner).order_by().values_list("strategy_name")
    best = Max("total_return", filter=~Q(status__in=Run.ACTIVE))
    counted = rows.annotate(Count("id"), best=best)
    return {name: Usage(count, best) for name, count, best in counted}


def by_version(name: str, owner: str) -> dict[int, int]:
    """How many runs there are of each version of a strategy, by the version's key."""
    rows = queries.visible_runs(owner).filter(strategy_name=name).order_by()
    return dict(rows.values_list("strategy_version").annotate(Count("id")))
