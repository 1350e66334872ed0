"""What runs have made of strategies."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Max

from runs import queries


@dataclass(frozen=True, slots=True)
class Usage:
    """`best`: the highest total return, a fraction; None where no run has one."""

    runs: int = 0
    best: float | None = None


def by_strategy(owner: str) -> dict[str, Usage]:
    """By strategy name, of the runs an owner sees; in one query."""
    rows = queries.visible_runs(owner).order_by().values_list("strategy_name")
    counted = rows.annotate(Count("id"), Max("total_return"))
    return {name: Usage(count, best) for name, count, best in counted}


def by_version(name: str, owner: str) -> dict[int, int]:
    """How many runs there are of each version of a strategy, by the version's key."""
    rows = queries.visible_runs(owner).filter(strategy_name=name).order_by()
    return dict(rows.values_list("strategy_version").annotate(Count("id")))
