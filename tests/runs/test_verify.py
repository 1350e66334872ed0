from __future__ import annotations

import io
import json

import numpy as np
import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from exchanges import queries as market_data
from exchanges.domain import Bars, CracktraderError, NotFound, Symbol, Timeframe
from exchanges.market_store import SeriesKey
from runs.engine import seal
from runs.lookup import find_run
from runs.models import Run
from runs.verify import Cause, Difference, verify
from strategies.models import StrategyVersion
from tests.runs.finished import finished, prepare_desk, start


@pytest.fixture
def desk(transactional_db, settings, tmp_path):
    """Committed, and with candles and files of its own to spoil."""
    settings.CANDLES_DIR = tmp_path / "candles"
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path / "artifacts"}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    prepare_desk()


def run_command(*args: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command("verify", *args, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return out.getvalue(), error.returncode
    return out.getvalue(), 0


def test_a_run_verifies_bit_for_bit(desk):
    run = finished(symbols=["BTC/USDT", "ETH/USDT"], fee=0.001, stop_loss=0.03, cash="shared")
    report = verify(run)
    assert report.identical, report.differences
    assert report.differences == []
    assert report.recomputed_hash == run.result_hash


def test_verifying_writes_nothing_to_the_run(desk):
    run = finished()
    before = Run.objects.filter(pk=run.pk).values().get(), run.events.count()
    verify(run)
    assert (Run.objects.filter(pk=run.pk).values().get(), run.events.count()) == before


def test_changed_candles_are_named_by_symbol(desk):
    run = finished(symbols=["BTC/USDT", "ETH/USDT"])
    key = SeriesKey("simulated", Symbol("ETH/USDT"), Timeframe.parse("1h"))
    engine = run.config["engine"]
    bars = market_data.store().read(key, engine["start_ms"], engine["end_ms"])
    columns = [getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")]
    columns[4][100] += 1.0
    market_data.store().write(key, Bars(bars.symbol, bars.timeframe, bars.time, *columns))
    report = verify(run)
    assert not report.identical
    assert [d.name for d in report.of(Cause.CANDLES)] == ["candle_hashes/ETH/USDT"]
    # The volume is not traded on: the result is the same although the candles are not.
    assert report.of(Cause.RESULT) == []
    assert "the candles changed" in report.verdict


def test_an_edited_source_is_found_even_where_the_result_is_the_same(desk):
    run = finished()
    version = run.strategy_version
    StrategyVersion.objects.filter(pk=version.pk).update(source=version.source + "\n# edited\n")
    report = verify(Run.objects.get(pk=run.pk))
    assert [d.name for d in report.of(Cause.SOURCE)] == ["stored source"]
    assert not report.identical


def test_an_edited_figure_or_config_is_found(desk):
    run = finished()
    Run.objects.filter(pk=run.pk).update(
        metrics=run.metrics | {"sharpe_ratio": 9.0}, total_return=1.0
    )
    names = {d.name for d in verify(Run.objects.get(pk=run.pk)).of(Cause.RESULT)}
    assert names == {"metric sharpe_ratio", "total_return"}

    other = finished()
    config = other.config | {"engine": other.config["engine"] | {"fee": 0.5}}
    Run.objects.filter(pk=other.pk).update(config=config)
    report = verify(Run.objects.get(pk=other.pk))
    assert {"config", "config/engine/fee"} <= {d.name for d in report.of(Cause.RECORD)}
    assert report.of(Cause.RESULT)


SHOWN = {
    "symbols": ["ETH/USDT"],
    "timeframe": "4h",
    "initial_cash": 1.0,
    "cash": 1.0,
    "value": 1.0,
    "trade_count": 1_000,
    "sparkline": [1.0, 2.0],
}


def test_every_fact_that_is_shown_of_a_run_is_compared(desk):
    run = finished()
    row = Run.objects.filter(pk=run.pk)
    for name, value in SHOWN.items():
        row.update(**{name: value})
        report = verify(Run.objects.get(pk=run.pk))
        assert [d.name for d in report.differences] == [name]
        assert not report.identical
        row.update(**{name: getattr(run, name)})
    assert verify(Run.objects.get(pk=run.pk)).identical


def test_another_name_of_the_venue_or_the_strategy_is_found(desk):
    run = finished()
    other = run.config | {"exchange": "elsewhere"}
    Run.objects.filter(pk=run.pk).update(config=other, strategy_name="BuyAndHold")
    found = {d.name for d in verify(Run.objects.get(pk=run.pk)).of(Cause.RECORD)}
    assert {"exchange", "strategy_name"} <= found


@pytest.mark.parametrize("name", ["positions", "pending_orders", "gaps", "warnings", "signals"])
def test_an_edited_end_of_a_run_is_found(desk, name):
    run = finished()
    Run.objects.filter(pk=run.pk).update(outcome=run.outcome | {name: [{"symbol": "BTC/USDT"}]})
    report = verify(Run.objects.get(pk=run.pk))
    assert [(d.cause, d.name) for d in report.differences] == [(Cause.RESULT, name)]


def test_how_long_a_run_took_is_no_difference(desk):
    run = finished()
    Run.objects.filter(pk=run.pk).update(outcome=run.outcome | {"timings": {}})
    assert verify(Run.objects.get(pk=run.pk)).differences == []


def test_an_edited_count_of_rows_is_found(desk):
    run = finished()
    run.artifacts.filter(name="trades").update(rows=1)
    assert [d.name for d in verify(run).differences] == ["trades table"]


def test_a_long_difference_is_shown_in_part():
    shown = str(Difference(Cause.RESULT, "sparkline", list(range(1_000)), None))
    assert len(shown) < 200
    assert "…" in shown


def test_an_edited_seal_is_found(desk):
    run = finished()
    Run.objects.filter(pk=run.pk).update(seal=run.seal | {"digest": "0" * 64})
    assert [d.name for d in verify(Run.objects.get(pk=run.pk)).differences] == ["digest"]
    assert not verify(Run.objects.get(pk=run.pk)).identical


def test_a_damaged_or_missing_file_is_found(desk):
    run = finished()
    storage = storages["artifacts"]
    paths = {a.name: storage.path(a.path) for a in run.artifacts.all()}
    with open(paths["trades"], "ab") as file:
        file.write(b"x")
    storage.delete(run.artifacts.get(name="equity").path)
    report = verify(run)
    assert {d.name for d in report.of(Cause.RECORD)} == {"trades file", "equity file"}
    assert report.of(Cause.RESULT) == []


def test_other_versions_are_told_and_are_no_failure_by_themselves(desk, monkeypatch):
    run = finished()
    others = run.seal["versions"] | {"numpy": "9.9.9"}
    monkeypatch.setattr(seal, "current_versions", lambda: others)
    report = verify(run)
    assert report.identical
    assert [d.name for d in report.differences] == ["versions/numpy"]
    assert "other versions" in report.verdict


def test_an_engine_that_counts_otherwise_is_found(desk, monkeypatch):
    from runs.engine import vectorized

    run = finished()
    honest = vectorized.simulate

    def careless(*args):
        simulation = honest(*args)
        simulation.equity[-1] = np.nextafter(simulation.equity[-1], np.inf)
        return simulation

    monkeypatch.setattr(vectorized, "simulate", careless)
    report = verify(run)
    assert {"result_hash", "equity table"} <= {d.name for d in report.of(Cause.RESULT)}


def test_only_a_completed_run_can_be_verified(desk):
    with pytest.raises(CracktraderError, match="RUN_NOT_COMPLETED"):
        verify(start())


def test_a_run_is_found_by_a_unique_beginning_of_its_id(desk):
    first, second = start(), start()
    Run.objects.filter(pk=first.pk).update(public_id="aaaa0000-0000-4000-8000-000000000001")
    Run.objects.filter(pk=second.pk).update(public_id="aaaab000-0000-4000-8000-000000000002")
    assert find_run("aaaa0000-0000-4000-8000-000000000001").pk == first.pk
    assert find_run("AAAAB").pk == second.pk
    assert find_run("aaaa0000-0").pk == first.pk
    with pytest.raises(CracktraderError, match="AMBIGUOUS_RUN"):
        find_run("aaaa")
    for unknown in ("bbbb", "", "../etc", "%", "a" * 33, "\u0661\u0662"):
        with pytest.raises(NotFound):
            find_run(unknown)


def test_the_command_says_what_differs_by_its_exit_code_too(desk):
    run = finished()
    out, code = run_command(str(run.public_id)[:8])
    assert code == 0
    assert "identical" in out
    Run.objects.filter(pk=run.pk).update(value=1.0)
    out, code = run_command(str(run.public_id))
    assert code == 1
    assert "result value: recorded 1.0" in out
    out, code = run_command(str(run.public_id), "--json")
    report = json.loads(out)
    assert (code, report["identical"]) == (1, False)
    assert report["differences"][0]["cause"] == "result"


def test_an_unknown_run_is_one_line(desk):
    with pytest.raises(CommandError, match=r"^RUN_NOT_FOUND: "):
        call_command("verify", "ffff")
