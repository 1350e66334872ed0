"""A stepped run beside backtests over its window, from the database to the answer."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from exchanges import queries as market_data
from exchanges.domain import Bars, Busy, CracktraderError, Symbol, Timeframe, VenueError
from exchanges.market_store import SeriesKey
from runs import apart, drift, paper, services
from runs.bodies import LiveTradingRequest
from runs.engine.config import RunConfig
from runs.models import Run
from tests.engine.worlds import HOUR, make_bars, make_config
from tests.runs.factory import make_run
from tests.runs.finished import finished, prepare_desk

BODY = {
    "strategy_name": "MovingAverageCross",
    "strategy_params": {"fast_period": 3, "slow_period": 8},
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "timeframe": "1h",
    "exchange": "simulated",
    "mode": "paper",
    "fee": 0.001,
    "replay": {"start_date": "2024-01-01T00:00:00Z", "end_date": "2024-01-15T00:00:00Z"},
}


@pytest.fixture
def desk(transactional_db, settings, tmp_path):
    settings.CANDLES_DIR = tmp_path / "candles"
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path / "artifacts"}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    drift._made.clear()
    prepare_desk()


def started(**changes):
    form = LiveTradingRequest(data=BODY | changes)
    form.is_valid(raise_exception=True)
    return services.start_live(dict(form.validated_data), ring=False)


def replayed(**changes):
    run = started(**changes)
    for _ in range(50):
        if not paper.advance(run.id):
            break
    run.refresh_from_db()
    assert run.status in (Run.Status.COMPLETED, Run.Status.STOPPED), run.error
    return run


def spoil(run, change):
    """Writes the stored candles of ETH otherwise; `change` gets the bars and gives new ones."""
    key = SeriesKey("simulated", Symbol("ETH/USDT"), Timeframe.parse("1h"))
    engine = run.config["engine"]
    bars = market_data.store().read(key, engine["start_ms"], engine["end_ms"])
    market_data.store().write(key, change(bars))


def dearer(bars):
    """The 100th bar and those after it, to the 150th, cost a tenth more."""
    scale = np.ones(len(bars))
    scale[100:150] = 1.1
    columns = [getattr(bars, name) * scale for name in ("open", "high", "low", "close")]
    return Bars(bars.symbol, bars.timeframe, bars.time, *columns, bars.volume)


def assert_adds_up(found):
    assert math.fsum(found["parts"].values()) == pytest.approx(
        found["difference"], rel=0, abs=1e-12
    )


def test_a_replay_has_not_drifted_and_neither_have_its_bars(desk):
    run = replayed()
    report = drift.report(run, here=True)
    assert (report["run_id"], report["mode"]) == (str(run.public_id), "paper")
    assert report["end"] - report["start"] == 14 * 24 * HOUR.ms
    for section in (report["seen"], report["stored"]):
        assert section["error"] is None
        found = section["drift"]
        assert found["identical"]
        assert found["trades"]["paired"] == found["trades"]["run"] > 10
        assert set(found["parts"].values()) == {0.0}
        assert (found["difference"], found["max_equity_difference"]) == (0.0, 0.0)
        assert found["unpaired"] == found["largest"] == []
    bars = report["stored"]["bars"]
    assert bars["compared"] > 2 * 14 * 24
    assert (bars["revised"], bars["missing"], bars["extra"], bars["first"]) == (0, 0, 0, [])
    json.dumps(report, allow_nan=False)


def test_a_run_that_goes_on_is_compared_as_far_as_it_is(desk, settings):
    settings.SLICE_BARS = 100
    run = started()
    assert paper.advance(run.id)
    with pytest.raises(CracktraderError, match="NO_DRIFT"):
        drift.report(run, here=True)
    assert paper.advance(run.id)
    run.refresh_from_db()
    assert run.is_active
    report = drift.report(run, here=True)
    assert report["end"] - report["start"] == 100 * HOUR.ms
    assert report["seen"]["drift"]["identical"]
    assert report["seen"]["drift"]["rows"]["compared"] == 100
    assert report["stored"]["drift"]["identical"]


def test_bars_that_were_revised_since_are_named_and_what_they_would_have_changed(desk):
    run = replayed()
    spoil(run, dearer)
    report = drift.report(run, here=True)
    assert report["seen"]["drift"]["identical"]
    stored = report["stored"]
    assert (stored["bars"]["revised"], stored["bars"]["missing"]) == (50, 0)
    first = stored["bars"]["first"][0]
    assert first["symbol"] == "ETH/USDT"
    assert first["time"] == report["start"] + 100 * HOUR.ms
    assert first["stored"][0] == pytest.approx(1.1 * first["seen"][0])
    found = stored["drift"]
    assert not found["identical"]
    assert found["difference"] != 0
    assert_adds_up(found)
    assert found["widest_at"] >= first["time"]
    for trade in (*found["unpaired"], *found["largest"]):
        assert trade["symbol"] == "ETH/USDT"
        assert (trade["run"] or trade["backtest"])["symbol"] == "ETH/USDT"
    json.dumps(report, allow_nan=False)


def test_a_venue_that_cannot_be_reached_leaves_the_comparison_with_what_was_seen(desk, monkeypatch):
    run = replayed()

    def gone(*args, **kwargs):
        raise VenueError("VENUE_UNREACHABLE", "simulated could not be reached")

    monkeypatch.setattr(drift.market_data, "ensure_bars", gone)
    report = drift.report(run, here=True)
    assert report["seen"]["drift"]["identical"]
    assert report["stored"] == {
        "error": {"code": "VENUE_UNREACHABLE", "message": "simulated could not be reached"},
        "drift": None,
        "bars": None,
    }


def test_late_rows_and_the_pairs_filled_in_them_are_counted(desk, monkeypatch):
    run = replayed()
    ours = drift.books.read(run)
    late = set(ours.simulation.orders["time"][:1].tolist())
    monkeypatch.setattr(drift.books, "read", lambda run: replace(ours, late=late))
    report = drift.report(run, here=True)
    assert report["late_bars"] == 1
    assert report["seen"]["drift"]["trades"]["late"] == 1
    assert report["seen"]["drift"]["parts"]["late"] == 0.0


def test_books_are_read_again_where_a_slice_was_committed_meanwhile(desk, monkeypatch):
    run, read, reads = replayed(), drift.books.read, []

    def while_it_moves(moving):
        found = read(moving)
        reads.append(found)
        if len(reads) < moves:
            Run.objects.filter(pk=run.pk).update(cursor_ms=F("cursor_ms") + 1)
        return found

    monkeypatch.setattr(drift.books, "read", while_it_moves)
    moves = 3
    assert drift.report(run, here=True)["seen"]["drift"]["identical"]
    assert len(reads) == 3
    moves = 1000
    with pytest.raises(Busy, match="CHECK_BUSY"):
        drift.report(run, here=True)


def test_a_venue_that_takes_too_long_is_not_waited_for(desk):
    look = drift._deadline(replayed(), 0.0)
    with pytest.raises(VenueError, match="VENUE_UNREACHABLE"):
        look("downloading", 0.5)


def test_a_backtest_and_a_run_without_a_bar_have_no_drift(desk, client):
    for run in (finished(), started(), make_run(mode=Run.Mode.PAPER, status=Run.Status.STOPPED)):
        answer = client.get(f"/api/v1/runs/{run.public_id}/drift")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "NO_DRIFT")


def test_the_endpoint_answers_the_report(desk, client):
    run = replayed()
    answer = client.get(f"/api/v1/runs/{run.public_id}/drift")
    assert answer.status_code == 200
    assert answer.json() == drift.report(run, here=True)
    assert client.get(f"/api/v1/runs/{run.public_id}/drift?x=1").status_code == 400


def test_a_backtest_is_made_once_for_all_reports_that_want_it(desk, monkeypatch):
    run = replayed(fee=0.0017)
    first = drift.report(run, here=True)
    spoil(run, dearer)
    jobs = []

    def simulate_here(source, name, values, wanted):
        jobs.extend(wanted)
        return real(source, name, values, wanted)

    real = apart.simulate_here
    monkeypatch.setattr(apart, "simulate_here", simulate_here)
    second = drift.report(run, here=True)
    assert second["seen"] == first["seen"]
    assert not second["stored"]["drift"]["identical"]
    assert len(jobs) == 1
    assert drift.report(run, here=True) == second
    assert len(jobs) == 1


def test_more_reports_at_once_than_there_are_cores_for_are_refused(desk, client):
    run = replayed()
    held = [drift._reports.acquire(blocking=False) for _ in range(drift.REPORTS_AT_ONCE)]
    try:
        answer = client.get(f"/api/v1/runs/{run.public_id}/drift")
    finally:
        for _ in held:
            drift._reports.release()
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "5"


def command(*args):
    out = io.StringIO()
    call_command("drift", *args, stdout=out, no_color=True)
    return out.getvalue()


def test_the_command_tells_a_person_what_differs(desk):
    run = replayed()
    text = command(str(run.public_id)[:8])
    assert text.count("identical:") == 2
    assert str(run.public_id) in text
    spoil(run, dearer)
    text = command(str(run.public_id))
    assert text.count("identical:") == 1
    assert "50 of them revised" in text
    assert "rounding" in text
    assert json.loads(command(str(run.public_id), "--json")) == drift.report(run, here=True)


def test_the_command_refuses_what_has_no_drift(desk):
    with pytest.raises(CommandError, match="NO_DRIFT"):
        command(str(finished().public_id))


# --- backtests in a process of their own ---

LOOP = """
from strategies.base import Params, Strategy

class Trap(Strategy[Params]):
    Params = Params

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        {body}
"""


def trapped(body):
    config: RunConfig = make_config(hours=3)
    return LOOP.format(body=body), "Trap", {}, [(config, [make_bars([(1.0,) * 4] * 3)])]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("raise KeyError('x')", "STRATEGY_FAILED"),
        ("return 7", "STRATEGY_BAD_OUTPUT"),
        ("return $", "STRATEGY_BROKEN"),
    ],
)
def test_whatever_a_strategy_does_is_an_error_to_read(body, code):
    (found,) = apart.simulate_here(*trapped(body))
    assert isinstance(found, CracktraderError)
    assert found.code == code


@pytest.mark.parametrize(
    ("body", "seconds", "code"),
    [
        ("while True: pass", 0.5, "RUN_TIMEOUT"),
        ("import os; os._exit(3)", 60.0, "STRATEGY_FAILED"),
        ("import os; os.write(1, b'PK'); raise KeyError('x')", 60.0, "STRATEGY_FAILED"),
    ],
)
def test_a_strategy_in_a_process_of_its_own_costs_that_process(body, seconds, code):
    (found,) = apart.simulate(*trapped(body), seconds)
    assert isinstance(found, CracktraderError)
    assert found.code == code


def test_books_from_the_other_process_are_those_from_this_one(desk):
    run = replayed(max_drawdown=0.01)
    ours = drift.books.read(run)
    version = run.strategy_version
    asked = (version.source, version.strategy.name, run.config["strategy_params"])
    job = (ours.config, ours.series)
    here = apart.simulate_here(*asked, [job])[0]
    for there in apart.simulate(*asked, [job, job], 60.0):
        for table in apart._TABLES:
            assert getattr(there, table).tobytes() == getattr(here, table).tobytes()
        assert there.limit == here.limit
    assert here.limit is not None
