"""What may be said of a sweep whose trials are over: the best, how lucky it is, what followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Sum

from exchanges.domain import CracktraderError, Timeframe
from runs import recorder
from runs.models import Sweep, SweepChunk, Trial

from . import queries, workshop
from .layout import Layout
from .tried import Tried
from .workshop import Workshop

if TYPE_CHECKING:
    from runs.engine.results import Simulation
    from runs.engine.walk_forward import Window

Renew = Callable[[str], None]


def conclude(sweep: Sweep, renew: Renew) -> dict[str, Any]:
    """The Sweep's fields `best`, `honesty`, `walk_forward` and `equity_sha256`.

    Of a walk-forward sweep, best and honesty are those of its last window, or, after a
    stop, of the last that was tried whole: the newest choice, with which the curve ends.
    Of the last that was tried at all, if none was whole; empty if nothing there has a
    figure to choose by.  `renew` is called between steps, with the stage.
    """
    layout = Layout.of(sweep.config)
    chosen = {s: queries.best(sweep, s) for s in range(layout.segments)}
    found = {segment: trial for segment, trial in chosen.items() if trial is not None}
    fields: dict[str, Any] = {"best": {}, "honesty": {}, "walk_forward": {}}
    if not found:
        return fields
    made = _made(sweep)
    partly = {
        segment: f"only {made.get(segment, 0):,} of {layout.per_segment:,} trials were made"
        for segment in range(layout.segments)
        if made.get(segment, 0) < layout.per_segment
    }
    whole = max((segment for segment in made if segment not in partly), default=None)
    last = max(made) if whole is None else whole
    if last in found:
        fields["best"] = describe(sweep, found[last])
        renew("judging the best")
        fields["honesty"] = _honesty(sweep, found[last])
    if sweep.config["windows"]:
        fields |= _walk_forward(sweep, found, partly, whole, renew)
        if fields["honesty"]:
            extent = "tried at all" if whole is None else "tried whole"
            judged = f"window {last + 1}, the last that was {extent}"
            _judge_curve(fields["honesty"], fields["walk_forward"], len(partly), judged)
    return fields


def describe(sweep: Sweep, trial: Trial) -> dict[str, Any]:
    """A trial as `Sweep.best` has it."""
    variation = sweep.config["variations"][trial.variation]
    return {
        "number": trial.number,
        "segment": trial.segment,
        "variation": trial.variation,
        "symbols": variation["symbols"],
        "timeframe": variation["timeframe"],
        "params": trial.params,
        "objective": trial.objective,
        "metrics": trial.metrics,
    }


def _honesty(sweep: Sweep, best: Trial) -> dict[str, Any]:
    from runs.engine.honesty import honesty

    tried = Tried(sweep, best.segment)
    years = np.array(
        [Timeframe.parse(v["timeframe"]).bars_per_year for v in sweep.config["variations"]]
    )
    variations = tried.numbers % len(years)
    return honesty(
        tried,
        best=int(np.searchsorted(tried.numbers, best.number)),
        objectives=tried.objectives,
        total_returns=tried.returns,
        params=tried.points,
        skew=best.metrics.get("skew"),
        kurtosis=best.metrics.get("kurtosis"),
        bars_per_year=years[variations],
        maximize=sweep.maximize,
        variations=variations,
        asked=Layout.of(sweep.config).per_segment,
        grid=sweep.sampler == Sweep.Sampler.GRID,
        logs=[name for name, of in sweep.space.items() if isinstance(of, dict) and of.get("log")],
    )


def _made(sweep: Sweep) -> dict[int, int]:
    """How many trials of each segment there are."""
    done = sweep.chunks.exclude(status=SweepChunk.Status.READY).order_by()
    return dict(done.values_list("segment").annotate(made=Sum("count")))


def _judge_curve(
    honesty: dict[str, Any], report: dict[str, Any], left_out: int, judged: str
) -> None:
    """Adds to the honesty of a window what the curve of all of them says of it."""
    from runs.engine.honesty import forward_verdict, forward_warnings

    found = report.get("metrics", {})
    earned, held = found.get("total_return"), found.get("benchmark_return")
    honesty["verdict"] = forward_verdict(honesty["verdict"], earned)
    honesty["warnings"] += forward_warnings(
        earned, held, report.get("efficiency"), left_out, judged
    )


def _walk_forward(
    sweep: Sweep, found: dict[int, Trial], partly: dict[int, str], last: int | None, renew: Renew
) -> dict[str, Any]:
    """`found`: the best trial of each window that has one; `last`: the last that was tried whole.

    Who has nothing to choose, or a choice that cannot be tried, stays in cash.  The best
    of a window that was tried `partly` (what to say, by window) is no choice, and what
    follows the last whole window is no part of the curve.
    """
    from runs.engine import artifacts, walk_forward

    shop = workshop.of(sweep, lambda stage, _: renew(stage))
    windows, parts = [], []
    kept: list[Trial | None] = []
    errors = dict(partly)
    for segment in range(0 if last is None else last + 1):
        renew(f"window {segment + 1} of {shop.layout.segments}, out of sample")
        window = walk_forward.Window(**sweep.config["windows"][segment])
        trial = None if segment in partly else found.get(segment)
        part = None
        if trial is not None:
            try:
                part = _out_of_sample(shop, trial, window)
            except CracktraderError as refused:
                trial, errors[segment] = None, str(refused)[:300]
        if part is None:
            part = _in_cash(shop, window)
            errors.setdefault(segment, f"no trial has a {sweep.objective}")
        windows.append(window)
        parts.append(part)
        kept.append(trial)
    skipped = [{"segment": segment, "error": errors[segment]} for segment in sorted(errors)]
    if not any(kept):
        return {"walk_forward": {"windows": [], "skipped": skipped}}
    report, books = walk_forward.report(
        shop.engine(0), windows, [trial and trial.metrics for trial in kept], parts
    )
    for told, trial in zip(report["windows"], filter(None, kept), strict=True):
        told |= {"segment": trial.segment, "trial": trial.number, "params": trial.params}
    content, _ = artifacts.encode(books)["equity"]
    return {
        "walk_forward": report | {"skipped": skipped},
        "equity_sha256": recorder.store(content),
    }


def _out_of_sample(shop: Workshop, trial: Trial, window: Window) -> Simulation:
    from runs.engine import backtest, space, walk_forward
    from runs.engine.trials import anchor

    params, changes = shop.params(trial.params)
    wanted = backtest.warmup(shop.strategy, params)
    config = space.changed(shop.engine(trial.variation), changes)
    config = walk_forward.out_of_sample(config, window, wanted)
    config = replace(config, anchor_ms=anchor(config, wanted))
    series = shop.series(trial.variation, wanted, config)
    return backtest.run_backtest(config, shop.strategy, params, series).simulation


def _in_cash(shop: Workshop, window: Window) -> Simulation:
    from runs.engine import backtest, walk_forward
    from strategies.base import Params

    config = walk_forward.out_of_sample(shop.engine(0), window, 0)
    series = shop.series(0, 0, config)
    return backtest.run_backtest(config, walk_forward.InCash, Params(), series).simulation
