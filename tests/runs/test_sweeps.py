"""A sweep's trials are its strategy's backtests, each once, whoever computes them and when."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from exchanges.domain import InvalidInput, NotFound
from runs.engine.metrics import METRICS
from runs.models import Run, Sweep, SweepChunk, Trial
from runs.sweeps import chunks, cutting, queries, services, settling, work, workshop
from runs.sweeps.layout import Layout
from strategies.services import sync_strategies

from .finished import finish as finish_run
from .finished import prepare_desk
from .sweeping import BODY, finish, finished, start

pytestmark = pytest.mark.django_db

TOLERANCE = 1e-9
needs_commits = pytest.mark.django_db(transaction=True)
"""For whole runs: a thread of theirs looks at the database, too."""


@pytest.fixture(autouse=True)
def _desk(db: None) -> None:
    prepare_desk()


def tried(sweep: Sweep) -> list[tuple[Any, ...]]:
    """All there is to know of a sweep's trials, to the last bit."""
    rows = Trial.objects.filter(sweep=sweep).order_by("number")
    fields = ("number", "segment", "variation", "params", "objective", "metrics", "error_code")
    return list(rows.values_list(*fields))


def blocks(sweep: Sweep) -> bytes:
    rows = SweepChunk.objects.filter(sweep=sweep).order_by("first")
    return b"".join(bytes(content) for content in rows.values_list("blocks", flat=True))


def test_a_grid_is_tried_whole_and_its_best_is_the_best() -> None:
    sweep = finished()
    assert (sweep.trials_total, sweep.trials_done, sweep.trials_failed) == (12, 12, 3)
    rows = list(Trial.objects.filter(sweep=sweep).order_by("number"))
    assert [row.number for row in rows] == list(range(12))
    points = {(row.params["fast_period"], row.params["slow_period"]) for row in rows}
    assert points == {(f, s) for f in (5, 10, 15, 20) for s in (10, 30, 50)}
    ranked = [row for row in rows if row.objective is not None]
    best = max(ranked, key=lambda row: row.objective or 0.0)
    assert sweep.best["number"] == best.number
    assert sweep.best["metrics"].keys() == METRICS.keys()
    assert sweep.honesty["trials"] == 9
    assert sweep.started_at
    assert sweep.finished_at
    assert not sweep.lease_owner


def test_what_the_strategy_refuses_is_a_failed_trial_and_no_more() -> None:
    sweep = finished()
    failed = Trial.objects.filter(sweep=sweep).exclude(error_code="")
    for row in failed:
        assert row.params["fast_period"] >= row.params["slow_period"]
        assert row.error_code == "INVALID_PARAMS"
        assert row.error
        assert row.objective is None
        assert row.metrics == {}
    assert failed.count() == 3


@needs_commits
def test_trials_equal_the_whole_runs_of_them() -> None:
    sweep = finished(
        sampler="random",
        trials=30,
        seed=3,
        space=BODY["space"]
        | {"run.stop_loss": [None, 0.02], "run.position_size": {"min": 0.2, "max": 1.0}},
        symbols=["BTC/USDT", "ETH/USDT"],
        slippage=0.0005,
    )
    worked = Trial.objects.filter(sweep=sweep, error_code="")
    for trial in random.Random(1).sample(list(worked), 10):
        run = finish_run(services.start_trial(sweep, trial.number, ring=False))
        assert run.status == Run.Status.COMPLETED
        for name in METRICS:
            assert close(trial.metrics[name], run.metrics[name]), name


def close(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=1e-12)


@needs_commits
def test_a_promoted_trial_is_the_backtest_somebody_would_have_asked_for() -> None:
    from runs import services as runs

    from .finished import BODY as BACKTEST
    from .finished import start as start_run

    sweep = finished(fee=0.001)
    trial = Trial.objects.get(sweep=sweep, params={"fast_period": 5, "slow_period": 30})
    promoted = finish_run(services.start_trial(sweep, trial.number, ring=False))
    asked = finish_run(
        start_run(
            **BACKTEST | {"strategy_params": {"fast_period": 5, "slow_period": 30}, "fee": 0.001}
        )
    )
    assert promoted.result_hash == asked.result_hash != ""
    assert promoted.config_hash == asked.config_hash
    again = runs.start_again(promoted)
    assert again.config_hash == promoted.config_hash


SHIFTED = """
from strategies.base import Params, Signals, Strategy


class Shifted(Strategy):
    class Params(Params):
        hold: int = 5

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        phase = (bars.time // 3_600_000 + {shift}) % 24
        return Signals(phase == 0, phase == params.hold)
"""


@needs_commits
def test_a_trial_is_run_with_the_code_it_was_tried_with(settings: Any, tmp_path: Path) -> None:
    settings.STRATEGIES_DIR = tmp_path
    (tmp_path / "shifted.py").write_text(SHIFTED.format(shift=0))
    sync_strategies()
    sweep = finished(strategy_name="Shifted", space={"hold": [5, 9]})
    (tmp_path / "shifted.py").write_text(SHIFTED.format(shift=7))
    sync_strategies()
    trial = sweep.trials.get(number=1)
    run = finish_run(services.start_trial(sweep, 1, ring=False))
    assert run.strategy_version_id == sweep.strategy_version_id
    assert run.config["source_hash"] == sweep.config["source_hash"]
    assert close(trial.metrics["final_value"], run.metrics["final_value"])
    paper = services.start_trial(sweep, 1, Run.Mode.PAPER, ring=False)
    assert paper.strategy_version_id == sweep.strategy_version_id
    (tmp_path / "shifted.py").unlink()
    sync_strategies()
    assert (
        services.start_trial(sweep, 0, ring=False).config["source_hash"]
        == run.config["source_hash"]
    )


def test_trials_are_numbered_as_asked_in_whatever_order_the_database_keeps_the_space() -> None:
    asked = {"slow_period": [30, 40, 50], "fast_period": [5, 6, 7]}
    sweep = start(space=asked)
    config = sweep.config | {"space": {name: asked[name] for name in sorted(asked)}}
    Sweep.objects.filter(pk=sweep.pk).update(config=config)
    finish(sweep)
    rows = Trial.objects.filter(sweep=sweep).order_by("number").values_list("params", flat=True)
    assert [(row["slow_period"], row["fast_period"]) for row in rows] == [
        (slow, fast) for slow in (30, 40, 50) for fast in (5, 6, 7)
    ]


def test_a_trial_becomes_a_paper_run_with_its_parameters() -> None:
    sweep = finished(space=BODY["space"] | {"run.stop_loss": [0.05]})
    run = services.start_trial(sweep, sweep.best["number"], Run.Mode.PAPER, "me", ring=False)
    assert (run.mode, run.owner) == (Run.Mode.PAPER, "me")
    varied = sweep.best["params"]
    assert run.config["engine"]["stop_loss"] == varied["run.stop_loss"]
    assert run.config["strategy_params"]["fast_period"] == varied["fast_period"]


@needs_commits
def test_each_point_is_tried_on_each_symbol_and_timeframe() -> None:
    sweep = finished(
        symbols=["BTC/USDT", "ETH/USDT"],
        each_symbol=True,
        timeframe=None,
        timeframes=["1h", "4h"],
        space={"fast_period": [5, 10], "slow_period": [30]},
    )
    variations = [(v["symbols"], v["timeframe"]) for v in sweep.config["variations"]]
    assert variations == [
        (["BTC/USDT"], "1h"),
        (["BTC/USDT"], "4h"),
        (["ETH/USDT"], "1h"),
        (["ETH/USDT"], "4h"),
    ]
    rows = Trial.objects.filter(sweep=sweep).order_by("number")
    assert [(r.params["fast_period"], r.variation) for r in rows] == [
        (fast, variation) for fast in (5, 10) for variation in range(4)
    ]
    # What lies beside the best in its parameters, on the same symbol and timeframe.
    best = sweep.best
    beside = rows.exclude(number=best["number"]).get(variation=best["variation"])
    found = sweep.honesty["stability"]["params"]["fast_period"]
    assert [side["objective"] for side in (found["below"], found["above"]) if side] == [
        beside.objective
    ]
    trial = rows[3]
    run = finish_run(services.start_trial(sweep, trial.number, ring=False))
    assert (run.symbols, run.timeframe) == (["ETH/USDT"], "4h")
    assert close(trial.metrics["final_value"], run.metrics["final_value"])


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_same_seed_tries_the_same_however_it_is_cut(
    sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"sampler": sampler, "trials": 24, "seed": 11}
    whole = finished(**asked)
    # As on a slow machine: each chunk is cut after a trial or two.
    monkeypatch.setattr(work, "CHUNK_SECONDS", 0.0)
    in_parts = finished(**asked)
    assert in_parts.chunks.count() == 24
    assert tried(whole) == tried(in_parts)
    assert blocks(whole) == blocks(in_parts)
    assert whole.best == in_parts.best
    assert whole.honesty == in_parts.honesty
    other = finished(**asked | {"seed": 12})
    assert [row[3] for row in tried(other)] != [row[3] for row in tried(whole)]


def test_a_sampler_that_learns_plans_each_generation_once() -> None:
    sweep = finished(sampler="tpe", trials=24, space={"fast_period": {"min": 2, "max": 28}})
    size = sweep.config["generation"]
    assert 1 < size < 24
    plans = [chunk.plan for chunk in sweep.chunks.order_by("first")]
    assert [point for plan in plans for point in plan] == [row[3] for row in tried(sweep)]


def test_a_point_that_failed_on_some_variations_is_not_worth_the_others() -> None:
    symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    sweep = start(sampler="tpe", trials=8, symbols=symbols, each_symbol=True)
    # Nothing has a figure on the third.
    found = [(1.0, 3.0), (9.0, None), (None, None), (2.0, 4.0)]
    for point, objectives in enumerate(found):
        for variation, objective in enumerate((*objectives, None)):
            Trial.objects.create(
                sweep=sweep,
                number=point * 3 + variation,
                variation=variation,
                params={"fast_period": 5 + point, "slow_period": 50},
                objective=objective,
            )
    told = settling._told(sweep, Layout.of(sweep.config), 0, 4)
    assert [told.points[i]["fast_period"] for i in range(len(told))] == [5, 6, 7, 8]
    assert np.array_equal(told.objectives, [2.0, math.nan, math.nan, 3.0], equal_nan=True)


def test_a_point_whose_warm_up_makes_it_too_long_for_a_run_is_a_failed_trial(settings: Any) -> None:
    sweep = start(space={"fast_period": [5], "slow_period": [30, 1000]})
    settings.MAX_BARS = 1_440 + 500
    finish(sweep)
    codes = Trial.objects.filter(sweep=sweep).order_by("number").values_list("error_code")
    assert [code for (code,) in codes] == ["", "TOO_MANY_BARS"]


@needs_commits
def test_windows_choose_on_the_past_and_earn_on_what_follows() -> None:
    sweep = finished(walk_forward={"in_sample": 500, "out_of_sample": 300})
    windows = sweep.config["windows"]
    assert len(windows) == 3
    assert sweep.trials_total == 36
    told = sweep.walk_forward["windows"]
    for segment, window in enumerate(told):
        best = queries.best(sweep, segment)
        assert best is not None
        assert window["trial"] == best.number
        assert window["in_sample"] == best.metrics
        assert window["params"] == best.params
    found = queries.equity(sweep)
    assert found is not None
    time, equity = found
    assert time[0] == windows[0]["in_end_ms"]
    assert time[-1] == windows[-1]["out_end_ms"] - 3_600_000
    assert len(time) == 900
    assert np.all(np.diff(time) > 0)
    assert math.isclose(equity[-1], sweep.walk_forward["metrics"]["final_value"])
    # Of the stitched curve it is said where it falls behind.
    after, codes = sweep.walk_forward["metrics"], [w["code"] for w in sweep.honesty["warnings"]]
    assert ("BEHIND_HOLDING" in codes) == (after["total_return"] < after["benchmark_return"])
    is_low = (sweep.walk_forward["efficiency"] or 1.0) < 0.5
    assert ("LOW_EFFICIENCY" in codes) == is_low
    assert {"BEHIND_HOLDING", "LOW_EFFICIENCY"} & set(codes)
    # A window's trial is the backtest of its in-sample bars.
    trial = queries.get_trial(sweep, told[1]["trial"])
    run = finish_run(services.start_trial(sweep, trial.number, ring=False))
    assert run.config["engine"]["start_ms"] == windows[1]["in_start_ms"]
    assert run.config["engine"]["end_ms"] == windows[1]["in_end_ms"]
    assert close(trial.metrics["sharpe_ratio"], run.metrics["sharpe_ratio"])


@needs_commits
def test_a_window_without_a_choice_is_cash_and_is_named() -> None:
    sweep = start(walk_forward={"in_sample": 500, "out_of_sample": 300})
    while held := chunks.claim(sweep):
        work._Chunk(sweep, held, lambda: False).work()
    rows = Trial.objects.filter(sweep=sweep)
    rows.filter(segment__in=(0, 2)).update(objective=None)
    finish(sweep)
    assert (sweep.status, sweep.best, sweep.honesty) == (Sweep.Status.COMPLETED, {}, {})
    assert [window["segment"] for window in sweep.walk_forward["windows"]] == [1]
    assert [window["segment"] for window in sweep.walk_forward["skipped"]] == [0, 2]
    found = queries.equity(sweep)
    assert found is not None
    time, equity = found
    assert len(time) == 900
    assert set(equity[:300]) == {10_000.0}
    assert set(equity[600:]) == {equity[599]} != {10_000.0}


def test_anchored_windows_all_begin_at_the_start() -> None:
    asked = {"in_sample": 500, "out_of_sample": 300, "anchored": True}
    sweep = start(walk_forward=asked)
    assert {w["in_start_ms"] for w in sweep.config["windows"]} == {1_704_067_200_000}


def test_the_heat_map_shows_each_point() -> None:
    sweep = finished()
    found = queries.heatmap(sweep, "fast_period", "slow_period")
    assert found["x"] == [5, 10, 15, 20]
    assert found["y"] == [10, 30, 50]
    assert found["values"][0][1:] == [None, None, None]
    assert found["best"]["number"] == sweep.best["number"]
    assert found["best"]["value"] == sweep.best["objective"]
    for metric in ("total_return", "sortino_ratio"):
        row = queries.heatmap(sweep, "fast_period", None, metric, {"slow_period": 50})
        trial = Trial.objects.get(sweep=sweep, params={"fast_period": 15, "slow_period": 50})
        assert row["values"][0][2] == trial.metrics[metric]
    with pytest.raises(InvalidInput):
        queries.heatmap(sweep, "nothing", "slow_period")


def test_trials_are_listed_the_best_first_and_those_without_a_figure_last() -> None:
    sweep = finished()
    values = [row.objective for row in queries.trials(sweep)]
    ranked = [value for value in values if value is not None]
    assert ranked == sorted(ranked, reverse=True)
    assert values[-3:] == [None] * 3
    low = [row.max_drawdown for row in queries.trials(sweep, "max_drawdown", failed=False)]
    assert low == sorted(low)
    assert queries.trials(sweep, failed=True).count() == 3
    with pytest.raises(InvalidInput):
        queries.trials(sweep, "nothing")
    with pytest.raises(NotFound):
        queries.get_trial(sweep, 12)


VAST = {
    name: {"min": 1e-300, "max": 0.9, "step": 1e-300}
    for name in ("run.stop_loss", "run.take_profit", "run.trailing_stop", "run.position_size")
}
"""More points than a float has room for."""


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"space": {"fast": [1]}}, "INVALID_SPACE"),
        ({"space": {"run.stop_loss": {"min": 0.01, "max": 0.1}}}, "INVALID_SPACE"),
        ({"trials": 11}, "INVALID_SPACE"),
        ({"space": {"run.stop_loss": [0.05, None]}, "stop_loss": 0.5}, "INVALID_SPACE"),
        ({"space": {"run.position_size": [0.1]}, "position_size": 0.5}, "INVALID_SPACE"),
        ({"space": VAST}, "TOO_MANY_TRIALS"),
        ({"space": VAST, "trials": 100}, "INVALID_SPACE"),
        ({"strategy_params": {"fast_period": 5}}, "INVALID_SPACE"),
        ({"space": {"fast_period": [30], "slow_period": [20]}}, "INVALID_PARAMS"),
        ({"strategy_name": "Nobody"}, "UNKNOWN_STRATEGY"),
        ({"symbols": ["BTC"]}, "INVALID_SYMBOL"),
        ({"space": {"run.trailing_stop": [0.1]}, "stop_loss": 0.1}, "INVALID_STOPS"),
        ({"walk_forward": {"in_sample": 5000, "out_of_sample": 10}}, "INVALID_WALK_FORWARD"),
        (
            {
                "walk_forward": {"in_sample": 500, "out_of_sample": 100},
                "timeframe": None,
                "timeframes": ["1h", "4h"],
            },
            "INVALID_WALK_FORWARD",
        ),
    ],
)
def test_what_cannot_be_tried_is_refused_at_the_start(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        start(**changes)
    assert refused.value.code == code
    assert len(orjson.dumps(refused.value.details)) < 1_000
    assert len(refused.value.message) < 300
    assert not Sweep.objects.exists()


def test_too_many_trials_or_bars_are_refused(settings: Any) -> None:
    settings.MAX_TRIALS = 11
    with pytest.raises(InvalidInput) as refused:
        start()
    assert refused.value.code == "TOO_MANY_TRIALS"
    assert refused.value.details["maximum"] == 11
    settings.MAX_TRIALS, settings.MAX_BARS = 100, 2_000
    start()
    with pytest.raises(InvalidInput) as refused:
        start(symbols=["BTC/USDT", "ETH/USDT"], each_symbol=True)
    assert refused.value.code == "TOO_MANY_BARS"


def test_a_start_is_made_once_for_its_key() -> None:
    first = start(key="mine")
    assert start(key="mine").pk == first.pk
    assert start(key="mine", owner="another").pk != first.pk
    with pytest.raises(InvalidInput) as refused:
        start(key="mine", seed=5)
    assert refused.value.code == "IDEMPOTENCY_MISMATCH"
    assert refused.value.details == {"sweep_id": str(first.public_id)}


# --- ends --------------------------------------------------------------------------------------


def test_a_stopped_sweep_is_concluded_over_the_trials_it_has() -> None:
    sweep = start(walk_forward={"in_sample": 500, "out_of_sample": 300})
    while Trial.objects.filter(sweep=sweep).count() < 15:
        _one(sweep)
    assert services.request_stop(sweep).status == Sweep.Status.STOPPING
    assert services.request_stop(sweep).status == Sweep.Status.STOPPING
    finish(sweep)
    assert sweep.status == Sweep.Status.STOPPED
    assert 15 <= sweep.trials_done < sweep.trials_total
    assert Trial.objects.filter(sweep=sweep).count() == sweep.trials_done
    assert sweep.best


@needs_commits
@pytest.mark.parametrize("half", [[2], [1], [0, 1, 2]])
def test_a_window_that_was_not_tried_whole_chooses_nothing(half: list[int]) -> None:
    sweep = start(walk_forward={"in_sample": 500, "out_of_sample": 300})
    for segment in half:
        chunk = sweep.chunks.filter(segment=segment).latest("first")
        assert chunk.first % 12, "others are tried"
        chunk.delete()
    while sweep.chunks.filter(status="ready").exists():
        _one(sweep)
    services.request_stop(sweep)
    finish(sweep)
    assert sweep.status == Sweep.Status.STOPPED
    whole = [segment for segment in range(3) if segment not in half]
    assert [window["segment"] for window in sweep.walk_forward["windows"]] == whole
    skipped = sweep.walk_forward["skipped"]
    assert [window["segment"] for window in skipped] == half
    assert all("of 12 trials" in window["error"] for window in skipped)
    codes = [warning["code"] for warning in sweep.honesty["warnings"]]
    assert "WINDOWS_LEFT_OUT" in codes
    found = queries.equity(sweep)
    if not whole:
        assert found is None
        return
    assert found is not None
    # Nothing is said of bars after the last whole window, and those between are in cash.
    assert len(found[1]) == 300 * (max(whole) + 1)
    if half == [1]:
        assert len(set(found[1][300:600])) == 1


def _one(sweep: Sweep) -> None:
    held = chunks.claim(sweep)
    assert held is not None
    work._Chunk(sweep, held, lambda: False).work()


def test_a_sweep_that_is_stopped_at_once_has_nothing_and_says_so() -> None:
    sweep = start()
    services.request_stop(sweep)
    finish(sweep)
    assert (sweep.status, sweep.trials_done, sweep.best) == (Sweep.Status.STOPPED, 0, {})


def test_what_concerns_all_trials_fails_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    from exchanges.domain import Bars, VenueError
    from runs.sweeps import candles, workshop

    def unreachable(*args: Any, **kwargs: Any) -> list[Bars]:
        raise VenueError("VENUE_UNREACHABLE", "Nobody answers", exchange="simulated")

    workshop.clear()
    monkeypatch.setattr(candles.market_data, "ensure_bars", unreachable)
    sweep = finish(start())
    assert (sweep.status, sweep.error_code) == (Sweep.Status.FAILED, "VENUE_UNREACHABLE")
    assert "Nobody answers" in sweep.error


def test_what_no_worker_can_do_fails_the_sweep_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from runs.sweeps import candles, workshop

    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    workshop.clear()
    monkeypatch.setattr(candles.market_data, "ensure_bars", broken)
    sweep = finish(start())
    assert (sweep.status, sweep.error_code) == (Sweep.Status.FAILED, "RUN_FAILED")
    assert "No space left" in sweep.error


def test_a_sweep_without_one_result_fails_of_what_its_trials_failed_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = start()
    monkeypatch.setattr("runs.engine.trials.Trials.run", lambda *a, **k: 1 / 0)
    finish(sweep)
    assert (sweep.status, sweep.error_code) == (Sweep.Status.FAILED, "RUN_FAILED")
    assert "ZeroDivisionError" in sweep.error
    assert sweep.trials_failed == sweep.trials_done == 12


# --- chunks ------------------------------------------------------------------------------------


def test_trials_are_numbered_by_segment_point_and_variation() -> None:
    layout = Layout(3, 5, 4)
    places = [layout.place(number) for number in range(layout.total)]
    assert places == sorted(set(places))
    assert len(places) == 60
    assert all(layout.number(*place) == number for number, place in enumerate(places))


def test_chunks_cover_every_trial_once_and_none_spans_two_windows() -> None:
    sweep = start(walk_forward={"in_sample": 500, "out_of_sample": 300})
    layout = Layout.of(sweep.config)
    covered = []
    for chunk in sweep.chunks.order_by("first"):
        numbers = range(chunk.first, chunk.first + chunk.count)
        assert {layout.place(n).segment for n in numbers} == {chunk.segment}
        covered += numbers
    assert covered == list(range(layout.total))


def test_prepared_windows_of_a_portfolio_are_kept_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {"in_sample": 500, "out_of_sample": 50}
    sweep = start(symbols=["BTC/USDT", "ETH/USDT"], walk_forward=asked)
    shop = workshop.Workshop(sweep, lambda *_: None)
    size = shop.trials(0, 0, 0).nbytes
    assert size >= 2 * 500 * 5 * 8
    monkeypatch.setattr(workshop, "_PREPARED_BYTES", 3 * size)
    for segment in range(10):
        shop.trials(0, segment, 0)
    assert sorted(shop._prepared) == [(0, 7), (0, 8), (0, 9)]


def test_a_chunk_is_never_too_long_nor_are_there_too_many() -> None:
    sweep = start()
    config = sweep.config | {"points": 100_000}
    made = cutting.cut(config, 0, 0, 100_000)
    assert max(chunk.count for chunk in made) <= cutting.MAX_CHUNK
    assert 200 <= len(made) <= cutting.MANY_CHUNKS + 1
    assert [c.first for c in made] == [sum(c.count for c in made[:i]) for i in range(len(made))]
