from __future__ import annotations

import json
import re

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import CommandError

from runs import report
from runs import results as run_results
from runs.models import Run
from runs.report import standalone
from tests.runs.factory import make_run
from tests.runs.finished import finished, prepare_desk
from tests.runs.papers import desk, rehearse, slices  # noqa: F401

EVIL = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def run(transactional_db, settings, tmp_path):
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    prepare_desk()
    return finished(symbols=["BTC/USDT", "ETH/USDT"], stop_loss=0.02)


def written(page: str) -> str:
    """The page without its scripts: what is read of it."""
    return re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def figures(page: str) -> dict[str, dict]:
    found = re.findall(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', page)
    return {name: json.loads(text) for name, text in found}


def test_it_holds_what_was_run_what_came_of_it_and_what_made_it(run):
    text = written(standalone(run))
    for shown in (
        str(run.public_id),
        run.result_hash,
        run.seal["source_hash"],
        "Monthly returns",
        "Buy and hold",
        f"{run.metrics['benchmark_return'] * 100:+,.2f} %",
        f"{run.total_return * 100:+,.2f} %",
        "mean(r) / std(r)",
        "stop_loss",
        "stop loss",
        "Jan",
        '<th scope="row">2024</th>',
    ):
        assert shown in text, shown


def test_its_figures_are_those_of_the_pages(run):
    found = figures(standalone(run))
    assert list(found) == ["equity", "candles-0", "candles-1"]
    assert [trace["name"] for trace in found["equity"]["data"]] == [
        "Equity",
        "Buy and hold",
        "Drawdown",
    ]
    assert found["candles-1"]["data"][0]["name"] == "ETH/USDT"


def test_it_asks_for_nothing_from_anywhere(run):
    text = written(standalone(run))
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)=[\"'](?!data:,)", text)
    assert "url(" not in text
    assert "@import" not in text


def test_many_trades_are_cut_and_that_is_said(run, monkeypatch):
    monkeypatch.setattr(report, "TRADES_SHOWN", 5)
    text = written(standalone(run))
    assert f"The first 5 of {run.trade_count} trades" in text
    assert text.split("<h2>Trades</h2>")[1].split("</table>")[0].count("<tr>") == 6


def test_a_name_is_inert(run):
    Run.objects.filter(pk=run.pk).update(strategy_name=EVIL, error=EVIL, error_code="X")
    page = standalone(Run.objects.select_related("exchange").get(pk=run.pk))
    assert "<img" not in written(page)
    assert "&lt;img src=x" in page
    assert figures(page)["equity"]["data"][0]["name"] == "Equity"


def test_what_is_lost_is_left_out_and_named(run):
    storage = storages["artifacts"]
    for name in ("equity", "trades"):
        storage.delete(run.artifacts.get(name=name).path)
    run_results._cached.cache_clear()
    page = standalone(run)
    text = written(page)
    assert "lost or damaged: equity, candles of BTC/USDT, candles of ETH/USDT" in text
    assert "monthly returns, trades" in text
    assert figures(page) == {}
    assert "Sharpe ratio" in text


def test_a_run_that_goes_on_is_reported_as_far_as_it_is(desk):  # noqa: F811
    run = slices(rehearse(), 3)
    page = standalone(run)
    assert len(figures(page)["equity"]["data"][0]["x"]) > 50
    assert "Equity</dt>" in page
    assert "<h2>Seal</h2>" not in page


@pytest.mark.django_db
def test_a_run_that_failed_is_reported_with_why():
    run = make_run(status=Run.Status.FAILED, error_code="NO_CANDLES", error="none there")
    page = standalone(run)
    assert "NO_CANDLES: none there" in page
    assert figures(page) == {}


def test_the_command_writes_the_page(run, tmp_path, capsys, monkeypatch):
    file = tmp_path / "out.html"
    call_command("report", str(run.public_id)[:12], "--out", str(file))
    assert capsys.readouterr().out.strip() == str(file)
    assert str(run.public_id) in file.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    call_command("report", str(run.public_id))
    assert (tmp_path / f"run-{run.public_id}.html").exists()
    with pytest.raises(CommandError, match="No such file"):
        call_command("report", str(run.public_id), "--out", str(tmp_path / "no" / "out.html"))
    with pytest.raises(CommandError, match="No run"):
        call_command("report", "ffffffff")
