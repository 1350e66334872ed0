"""Sweeps by the client: started, waited for and looked into, at a desk that wants keys."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import cracktrader
import httpx
import pytest
from cracktrader import AsyncCrackTraderAPI, CrackTraderAPI, SweepFailed, TimedOut, errors, models

from tests.desk import Desk

ASKED: dict[str, Any] = {
    "strategy_name": "MovingAverageCross",
    "symbols": "BTC/USDT",
    "timeframe": "1h",
    "exchange": "simulated",
    "start_date": "2024-01-01",
    "end_date": "2024-03-01",
    "space": {"fast_period": [5, 10, 20], "slow_period": {"min": 10, "max": 40, "step": 10}},
}
SWEEP = {"sweep_id": "s", "status": "running", "progress": 0.5, "error_details": {}}


def scripted(*answers: dict[str, Any]) -> CrackTraderAPI:
    """A client whose requests are answered in turn, the last answer again and again."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    return CrackTraderAPI("ct_key", transport=httpx.MockTransport(answer))


def test_each_look_is_told_and_the_end_is_returned() -> None:
    seen: list[float] = []
    done = SWEEP | {"status": "completed", "progress": 1.0}
    with scripted({"sweep_id": "s"}, SWEEP, SWEEP, done) as api:
        sweep = api.run_sweep(**ASKED, on_progress=lambda s: seen.append(s.progress))
    assert sweep.status == "completed"
    assert seen == [0.5, 0.5, 1.0]


def test_a_sweep_that_failed_is_an_exception_with_its_reason() -> None:
    failed = SWEEP | {
        "status": "failed",
        "error": "NO_CANDLES: none there",
        "error_details": {"symbol": "BTC/USDT"},
    }
    with scripted({"sweep_id": "s"}, failed) as api, pytest.raises(SweepFailed) as caught:
        api.run_sweep(**ASKED)
    error = caught.value
    assert isinstance(error, cracktrader.CrackTraderError)
    assert (error.sweep_id, error.code, error.message) == ("s", "NO_CANDLES", "none there")
    assert error.details == {"symbol": "BTC/USDT"}
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.sweep_id) == (str(error), "s")
    with scripted(failed) as api:
        assert api.wait_for_sweep("s").status == "failed"


def test_a_wait_that_is_too_long_names_the_sweep_that_goes_on() -> None:
    with scripted({"sweep_id": "s"}, SWEEP) as api, pytest.raises(TimedOut) as caught:
        api.run_sweep(**ASKED, timeout=0.2)
    assert caught.value.sweep_id == "s"
    assert "goes on" in str(caught.value)


def test_what_a_newer_server_leaves_out_stops_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    done = {"sweep_id": "s", "status": "completed"}
    with scripted(done) as api:
        assert api.wait_for_sweep("s", progress=True).best is None
    assert "completed" in capsys.readouterr().err


@pytest.mark.process
def test_a_sweep_is_run_looked_into_and_its_best_trial_made_a_run(api: CrackTraderAPI) -> None:
    seen: list[models.SweepDetail] = []
    sweep = api.run_sweep(**ASKED, on_progress=seen.append, timeout=120)
    assert (sweep.status, sweep.trials_total, sweep.trials_failed) == ("completed", 12, 3)
    assert seen[-1] == sweep
    assert isinstance(sweep.best, models.BestTrialSchema)
    assert isinstance(sweep.honesty, models.HonestySchema)
    ranked = list(api.list_sweep_trials(sweep.sweep_id, sort="-objective", limit=3))
    assert ranked[0].params == sweep.best.params
    assert [t.objective for t in ranked] == sorted((t.objective for t in ranked), reverse=True)
    every = list(api.iterate_sweep_trials(sweep.sweep_id))
    assert [trial.number for trial in every] == list(range(12))
    failed = list(api.iterate_sweep_trials(sweep.sweep_id, failed=True))
    assert len(failed) == 3
    assert str(failed[0].error).startswith("INVALID_PARAMS: ")
    assert api.get_trial(sweep.sweep_id, ranked[0].number) == ranked[0]
    cells = api.sweep_heatmap(sweep.sweep_id, "fast_period", "slow_period")
    assert cells.best is not None
    assert (cells.best.number, cells.best.value) == (sweep.best.number, sweep.best.objective)
    slice_ = api.sweep_heatmap(sweep.sweep_id, "fast_period", fixed={"slow_period": 40})
    assert slice_.values == [cells.values[cells.y.index(40)]]
    results = api.run_trial(sweep.sweep_id, sweep.best.number, timeout=120)
    assert results.metrics["sharpe_ratio"] == pytest.approx(sweep.best.objective, rel=1e-9)
    assert len(results.trades) == results.metrics["total_trades"]
    assert sweep.sweep_id in [found.sweep_id for found in api.iterate_sweeps()]


@pytest.mark.process
def test_walking_forward_gives_windows_and_a_curve(api: CrackTraderAPI) -> None:
    sweep = api.run_sweep(
        **ASKED,
        sampler="random",
        trials=8,
        walk_forward={"in_sample": 500, "out_of_sample": 250},
        timeout=120,
    )
    assert sweep.walk_forward is not None
    assert len(sweep.walk_forward.windows) == 3
    curve = api.sweep_equity(sweep.sweep_id, points=50)
    assert 6 <= len(curve) <= 50
    assert curve[-1].value == pytest.approx(sweep.walk_forward.metrics["final_value"])


@pytest.mark.process
def test_a_trial_becomes_a_paper_run_and_a_sweep_is_stopped(api: CrackTraderAPI) -> None:
    sweep = api.wait_for_sweep(api.start_sweep(**ASKED).sweep_id, timeout=120)
    paper = api.start_trial(sweep.sweep_id, 1, mode="paper")
    run = api.get_run(str(paper.run_id))
    assert run.mode == "paper"
    api.stop_run(run.run_id)
    wide = {"fast_period": {"min": 2, "max": 60}, "slow_period": {"min": 61, "max": 200}}
    long = api.start_sweep(**ASKED | {"space": wide}).sweep_id
    # At once where no worker has begun.
    assert api.stop_sweep(long).status in ("stopping", "stopped")
    assert api.wait_for_sweep(long, timeout=60).status == "stopped"


@pytest.mark.process
def test_one_key_starts_one_sweep_and_a_wrong_space_is_its_own_error(api: CrackTraderAPI) -> None:
    first, again = (api.start_sweep(**ASKED, idempotency_key="sweep-1") for _ in range(2))
    assert first.sweep_id == again.sweep_id
    with pytest.raises(errors.InvalidSpace) as caught:
        api.start_sweep(**ASKED | {"space": {"period": [1]}})
    assert caught.value.details["field"] == "space.period"
    with pytest.raises(errors.TrialNotFound):
        api.get_trial(first.sweep_id, 99)


@pytest.mark.process
def test_tasks_sweep_as_well(desk: Desk, key: str) -> None:
    async def both() -> list[models.SweepDetail]:
        async with AsyncCrackTraderAPI(key, desk.url) as api:
            asked = [ASKED | {"symbols": symbol} for symbol in ("BTC/USDT", "ETH/USDT")]
            return list(await asyncio.gather(*(api.run_sweep(**one, timeout=120) for one in asked)))

    assert [sweep.status for sweep in asyncio.run(both())] == ["completed"] * 2
