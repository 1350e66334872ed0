"""A desk with something of everything on it, for those who look at its pages."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.urls import reverse
from django.utils import timezone

from exchanges.adapters.simulated import SimulatedMarketData
from exchanges.domain import Symbol, Timeframe
from exchanges.models import Account, CandleSeries, Download, Exchange
from exchanges.queries import clock
from exchanges.services.imports import import_candles
from runs.models import Discrepancy, Run, Sweep
from tests.runs.factory import make_run
from tests.runs.finished import finished
from tests.runs.lives import Wire, intend, over, until
from tests.runs.papers import HOUR, T0, rehearse, slices
from tests.ui import sweeps_made

BOTH = {"symbols": ["BTC/USDT", "ETH/USDT"], "stop_loss": 0.02, "take_profit": 0.03}
SWIFT = {"fast_period": 3, "slow_period": 9}
SPACE = {
    "fast_period": {"min": 4, "max": 40, "step": 3},
    "slow_period": {"min": 20, "max": 120, "step": 8},
}
DRAWN = {"fast_period": {"min": 2, "max": 60}, "slow_period": {"min": 61, "max": 300}}
LONG_NAME = "A strategy's error is as long as it likes: " + "0123456789abcdef" * 12


@dataclass(frozen=True)
class Filled:
    one: Run
    other: Run
    failed: Run
    queued: Run
    working: Run
    replayed: Run
    replaying: Run
    live: Run
    account: Account
    series: CandleSeries
    sweeps: dict[str, Sweep]

    def pages(self) -> dict[str, str]:
        """Address by name, of each page in each of its states."""
        compared = f"{self.one.public_id},{self.other.public_id},{self.replayed.public_id}"
        states = ("one", "failed", "queued", "working", "replayed", "replaying", "live")
        runs = {f"run-{s}": self._run(getattr(self, s)) for s in states}
        sweeps = {
            f"sweep-{state}": reverse("ui:sweep", args=[sweep.public_id])
            for state, sweep in self.sweeps.items()
        }
        return (
            EMPTY_PAGES
            | runs
            | sweeps
            | {
                "runs-filtered": reverse("ui:runs") + "?mode=paper",
                "compare": reverse("ui:compare") + f"?runs={compared}",
                "new-again": reverse("ui:new") + f"?again={self.other.public_id}",
                "strategy": reverse("ui:strategy", args=["MovingAverageCross"]),
                "series": reverse("ui:series", args=[self.series.pk]),
                "venue": reverse("ui:venue", args=["simulated"]),
                "account": reverse("ui:account", args=[self.account.public_id]),
            }
        )

    @staticmethod
    def _run(run: Run) -> str:
        return reverse("ui:run", args=[run.public_id])


EMPTY_PAGES = {
    "home": "/ui/",
    "runs": "/ui/runs",
    "new": "/ui/new",
    "new-paper": "/ui/new?mode=paper",
    "new-live": "/ui/new?mode=live",
    "sweeps": "/ui/sweeps",
    "sweep-new": "/ui/sweeps/new",
    "sweep-new-drawn": "/ui/sweeps/new?sampler=random&walk_forward=on&stop_loss:how=range",
    "new-strategy": "/ui/new?strategy=MovingAverageCross",
    "compare-nothing": "/ui/compare",
    "strategies": "/ui/strategies",
    "data": "/ui/data",
    "venues": "/ui/venues",
    "accounts": "/ui/accounts",
}


def fill(wire: Wire, folder: Path, *, long: bool = False) -> Filled:
    """On an empty desk.  `long`: one of the backtests has 525,600 bars."""
    live, account = trade(wire)
    queued = make_run(status=Run.Status.STARTING)
    working = make_run(status=Run.Status.RUNNING, progress=0.4, stage="reading candles")
    failed = make_run(
        status=Run.Status.FAILED,
        error_code="STRATEGY_FAILED",
        error=LONG_NAME,
        strategy_name="<b>Named&lt;" + "X" * 40,
        stage="",
    )
    finished(strategy_name="BuyAndHold", strategy_params={})
    finished(strategy_name="RsiMeanReversion", strategy_params={})
    if long:
        year = {"start_date": "2023-01-01T00:00:00Z", "end_date": "2024-01-01T00:00:00Z"}
        finished(timeframe="1m", **year)
    other = finished(**BOTH, fee=0.002, strategy_params=SWIFT)
    one = finished(**BOTH)
    replayed = slices(rehearse(strategy_params=SWIFT))
    replaying = slices(rehearse(strategy_params=SWIFT), 4)
    assert (replayed.status, replaying.status) == ("completed", "running")
    series = _holes(wire.exchange, folder)
    _downloads(wire.exchange)
    sweeps = _sweeps()
    return Filled(
        one, other, failed, queued, working, replayed, replaying, live, account, series, sweeps
    )


def trade(wire: Wire) -> tuple[Run, Account]:
    """A live run with a position, an order that rests, and two things to decide."""
    live = wire.started()
    bought = intend(live)
    until(wire.tender(live), lambda: over(bought))
    far = {"type": "limit", "limit_price": Decimal(10_000), "wanted": Decimal("0.5")}
    resting = intend(live, order_id="manual-1", purpose="manual", **far)
    until(wire.tender(live), lambda: _is_open(resting))
    account = Account.objects.get(pk=live.account_id)
    Discrepancy.objects.create(
        account=account,
        kind=Discrepancy.Kind.FOREIGN_ORDER,
        symbol="ETH/USDT",
        subject="<i>somebody's</i>",
        theirs={"side": "sell", "amount": "1.5", "price": "2600"},
    )
    Discrepancy.objects.create(
        account=account,
        run=live,
        kind=Discrepancy.Kind.BALANCE_SHORT,
        subject="BTC",
        ours={"amount": "0.1"},
        theirs={"amount": "0.02"},
    )
    newest = clock().now_ms() // 60_000 * 60_000
    Run.objects.filter(pk=live.pk).update(cursor_ms=newest)
    live.refresh_from_db()
    return live, account


def _is_open(order: object) -> bool:
    order.refresh_from_db()  # type: ignore[attr-defined]
    return bool(order.state == "open")  # type: ignore[attr-defined]


def _sweeps() -> dict[str, Sweep]:
    """By what is shown of them."""
    apart = {"space": SPACE | {"run.stop_loss": [0.02, 0.05]}, "objective": "total_return"}
    found = {
        "grid": sweeps_made.swept(space=SPACE),
        "walking": sweeps_made.swept(**sweeps_made.WALKING),
        "apart": sweeps_made.swept(**apart, symbols=["BTC/USDT", "ETH/USDT"], each_symbol=True),
        "drawn": sweeps_made.swept(space=DRAWN, sampler="random", trials=40),
        "one": sweeps_made.swept(space={"slow_period": {"min": 20, "max": 100, "step": 20}}),
        "working": sweeps_made.start(),
        "failed": sweeps_made.start(),
    }
    working = {"status": Sweep.Status.RUNNING, "trials_done": 7, "started_at": timezone.now()}
    Sweep.objects.filter(pk=found["working"].pk).update(**working, stage="reading candles")
    broken = {"status": Sweep.Status.FAILED, "error_code": "NO_CANDLES", "error": LONG_NAME}
    Sweep.objects.filter(pk=found["failed"].pk).update(**broken)
    return found


def _holes(exchange: Exchange, folder: Path) -> CandleSeries:
    """Stored candles of two thousand hours, of which the venue lacks some."""
    file = folder / "candles.csv"
    bars = SimulatedMarketData(clock()).bars(
        Symbol("BTC/USDT"), Timeframe.parse("1h"), T0, T0 + 2_000 * HOUR
    )
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["time", "open", "high", "low", "close", "volume"])
        number = 0
        for page in bars:
            columns = (page.time, page.open, page.high, page.low, page.close, page.volume)
            for row in zip(*(column.tolist() for column in columns), strict=True):
                number += 1
                if not (500 < number < 620 or 900 < number < 905):
                    writer.writerow(row)
    import_candles(file, exchange.name, "BTC/USDT", "1h")
    return CandleSeries.objects.get(exchange=exchange)


def _downloads(exchange: Exchange) -> None:
    asked = {"exchange": exchange, "symbol": "ETH/USDT", "timeframe": "1h", "start_ms": T0}
    for number, status in enumerate(Download.Status.values):
        Download.objects.create(
            status=status,
            end_ms=T0 + (number + 1) * 100 * HOUR,
            fraction=0.2 * number,
            error="The venue said no" if status == "failed" else "",
            error_code="VENUE_ERROR" if status == "failed" else "",
            **asked,
        )
