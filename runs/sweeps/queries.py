"""Reading sweeps."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import F, QuerySet

from exchanges.domain import InvalidInput, NotFound
from runs.models import Sweep, Trial

from . import heat, ordering
from .ordering import COLUMNS

_VENUE_SKIPS = ("exchange__markets", "exchange__timeframes")
_LIST_SKIPS = ("request", "honesty", "walk_forward", "error_details", *_VENUE_SKIPS)


def visible_sweeps(owner: str = "") -> QuerySet[Sweep]:
    """The sweeps a caller may know of; of one that is being deleted nobody does."""
    return _all_sweeps(owner).filter(deleted_at=None)


def _all_sweeps(owner: str) -> QuerySet[Sweep]:
    return Sweep.objects.filter(owner=owner) if owner else Sweep.objects.all()


def list_sweeps(owner: str = "") -> QuerySet[Sweep]:
    """For lists, newest first: one query, without what only a sweep's own page shows."""
    return visible_sweeps(owner).select_related("exchange").defer(*_LIST_SKIPS).order_by("-id")


def get_sweep(sweep_id: str, owner: str = "", *, deleted: bool = False) -> Sweep:
    """By its public id.  Another's is as unknown as one that never was: SWEEP_NOT_FOUND.

    `deleted`: also one whose deletion is not done yet.
    """
    try:
        key = uuid.UUID(str(sweep_id))
    except ValueError:
        key = None
    sweeps = _all_sweeps(owner) if deleted else visible_sweeps(owner)
    sweeps = sweeps.select_related("exchange").defer(*_VENUE_SKIPS)
    sweep = sweeps.filter(public_id=key).first() if key else None
    if sweep is None:
        raise NotFound("SWEEP_NOT_FOUND", "No such sweep", sweep_id=str(sweep_id)[:64])
    return sweep


def sweep_by_key(idempotency_key: str, owner: str = "") -> Sweep | None:
    """The sweep an owner's start with this key began."""
    return Sweep.objects.filter(owner=owner, idempotency_key=idempotency_key).first()


def all_trials(sweep: Sweep) -> QuerySet[Trial]:
    return Trial.objects.filter(sweep=sweep)


def trials(
    sweep: Sweep,
    order: str = "",
    segment: int | None = None,
    variation: int | None = None,
    failed: bool | None = None,
) -> QuerySet[Trial]:
    """A sweep's trials; those without a figure to sort by come last.

    `order`: one of `ordering.valid`, with `-` before it for the highest first;
    empty: the best first.  Equal ones go by their number.  Raises INVALID_VALUE.
    """
    found = all_trials(sweep)
    if segment is not None:
        found = found.filter(segment=segment)
    if variation is not None:
        found = found.filter(variation=variation)
    if failed is not None:
        found = found.exclude(error_code="") if failed else found.filter(error_code="")
    order = ordering.checked(sweep, order or ("-objective" if sweep.maximize else "objective"))
    by = ordering.field(order)
    if by.removeprefix("-") == "number":
        return found.order_by(by)
    found, figure = found.annotate(**ordering.computed(order)), F(by.removeprefix("-"))
    falls = by.startswith("-")
    last = figure.desc(nulls_last=True) if falls else figure.asc(nulls_last=True)
    return found.order_by(last, "number")


def get_trial(sweep: Sweep, number: int) -> Trial:
    """Raises TRIAL_NOT_FOUND for one that is not there (yet)."""
    trial = Trial.objects.filter(sweep=sweep, number=number).first()
    if trial is None:
        raise NotFound(
            "TRIAL_NOT_FOUND",
            "The sweep has no such trial, or has not tried it yet",
            number=number,
            trials_total=sweep.trials_total,
        )
    return trial


def best(sweep: Sweep, segment: int = 0, variation: int | None = None) -> Trial | None:
    """The best of a segment so far; the first of equals."""
    ranked = trials(sweep, segment=segment, variation=variation).exclude(objective=None)
    return ranked.first()


def engine_of(sweep: Sweep, trial: Trial) -> dict[str, Any]:
    """The trial's `RunConfig` as JSON, but for its anchor and what it varied of the engine.

    Its `start_ms` and `end_ms` are those of the trial's own window.
    """
    engine = dict(sweep.config["variations"][trial.variation]["engine"])
    if sweep.config["windows"]:
        window = sweep.config["windows"][trial.segment]
        engine |= {"start_ms": window["in_start_ms"], "end_ms": window["in_end_ms"]}
    return engine


def heatmap(
    sweep: Sweep,
    x: str,
    y: str | None = None,
    metric: str = "",
    fixed: Mapping[str, Any] | None = None,
    segment: int = 0,
    variation: int | None = None,
) -> dict[str, Any]:
    """The best value of a metric over one or two of the sweep's parameters.

    `{"x": [values], "y": [values], "metric", "values": [[…]], "counts": [[…]],
    "trials": [[number of the trial shown]], "best": {…} or None}`; a row per
    y, a column per x, None where nothing has a result.  Without `y` there is
    one row.  `fixed`: only trials with these values of other parameters.
    `metric`: the objective if empty, else any of METRICS.  A parameter with more
    than `heat.MOST_VALUES` values is told in at most `heat.BINS` bins, by their
    middles, and `"binned": {"x": edges or None, "y": …}`.  Raises INVALID_VALUE.
    """
    from runs.engine.metrics import METRICS

    names = list(sweep.space)
    for name in filter(None, (x, y, *(fixed or {}))):
        if name not in names:
            raise InvalidInput(
                "INVALID_VALUE", f"{name[:100]!r} is not varied in this sweep", valid=names
            )
    metric = metric or sweep.objective
    if metric not in METRICS:
        raise InvalidInput("INVALID_VALUE", f"{metric[:40]!r} is not a metric", valid=list(METRICS))
    found = Trial.objects.filter(sweep=sweep, segment=segment, error_code="")
    if variation is not None:
        found = found.filter(variation=variation)
    column = "objective" if metric == sweep.objective else metric
    if column not in COLUMNS:
        column = f"metrics__{metric}"
    rows = found.order_by("number").values_list("number", "params", column)
    maximize = is_better_higher(metric) if metric != sweep.objective else sweep.maximize
    wanted = (fixed or {}).items()
    shown = (
        (number, params.get(x), params.get(y) if y else None, value)
        for number, params, value in rows.iterator(2_000)
        if all(params.get(name) == one for name, one in wanted)
    )
    return heat.cells(shown, sweep.space, x, y, maximize=maximize) | {"metric": metric}


LOWER_IS_BETTER = frozenset(
    {"volatility", "max_drawdown", "max_drawdown_duration", "ulcer_index", "kurtosis"}
    | {"total_fees", "losing_trades", "longest_losing_streak"}
)


def is_better_higher(metric: str) -> bool:
    """Whether more of the metric is better, where nobody says otherwise."""
    return metric not in LOWER_IS_BETTER


def equity(sweep: Sweep) -> tuple[Any, Any] | None:
    """The stitched out-of-sample curve: (time UTC ms, equity); None without walk-forward.

    Raises ARTIFACT_NOT_FOUND.
    """
    from runs.engine.artifacts import equity_columns
    from runs.models import Artifact
    from runs.results import content

    if not sweep.equity_sha256:
        return None
    time, value, _ = equity_columns(content(Artifact(sha256=sweep.equity_sha256, size=0)))
    return time, value


def counts() -> dict[str, int]:
    """Sweeps by status."""
    from django.db.models import Count

    return dict(visible_sweeps().order_by().values_list("status").annotate(n=Count("id")))
