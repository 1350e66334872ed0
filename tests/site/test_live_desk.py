"""A live run from its start over REST to its results, on a whole desk and a venue on the wire."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.sealing import new_key
from runs.trading.naming import client_id
from tests.desk import ROOT, Desk
from tests.venue import RemoteVenue

from .harness import rows, until
from .live_desk import PULSE, Holder, open_accounts

pytestmark = [pytest.mark.process, pytest.mark.slow]

BTC, ETH = "BTC/USDT", "ETH/USDT"
CASH = 10_000
IN_AND_OUT = {"symbols": [BTC], "strategy_params": {"period": 5, "hold": 2}}
IN_AND_STOPPED = {
    "symbols": [ETH],
    "strategy_params": {"period": 2, "hold": 600},
    "stop_loss": 0.01,
}
PARTS = [["0.5", "0"], ["0.3", "0.0002"], ["0.2", "0.0005"]]

COMPARISON = """
import json, sys
import django
django.setup()
from tests.site import live_books
from tests.site.live_desk import Holder
from tests.venue import RemoteVenue
url, holders = json.load(sys.stdin)
print(json.dumps(live_books.differences(RemoteVenue(url=url), [Holder(*h) for h in holders])))
"""


@dataclass
class World:
    venue: RemoteVenue
    desk: Desk
    holders: list[Holder]

    def manage(self, *arguments: str) -> str:
        return self._python(str(ROOT / "manage.py"), *arguments)

    def differences(self) -> list[str]:
        """Between the venue's ledger and the desk's database."""
        asked = json.dumps([self.venue.url, self.holders])
        found: list[str] = json.loads(self._python("-c", COMPARISON, said=asked))
        return found

    def _python(self, *arguments: str, said: str = "") -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.desk.env | {"DJANGO_SETTINGS_MODULE": "cracktrader_site.settings"},
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, holder: Holder, **body: Any) -> str:
        return self.desk.start_paper(
            mode="live",
            confirm_live=True,
            strategy_name="Pulse",
            timeframe="1s",
            initial_cash=CASH,
            exchange="wire",
            exchange_config=holder.config,
            **body,
        )

    def theirs(self, holder: Holder, symbol: str, kind: str, *states: str) -> list[dict[str, Any]]:
        """Orders of that type and in those states by the venue's ledger."""
        return [
            order
            for order in self.venue.dump()["orders"]
            if (order["account"], order["symbol"]) == (holder.name, symbol.replace("/", ""))
            and order["type"] == kind
            and order["status"] in states
        ]

    def each(self, true: Callable[[Holder], Any], what: str) -> None:
        until(lambda: all(true(holder) for holder in self.holders), 60, what)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = tmp_path / "home"
    (home / "strategies").mkdir(parents=True)
    (home / "strategies" / "pulse.py").write_text(PULSE)
    desk = Desk(
        home,
        CRACKTRADER_AUTH="1",
        CRACKTRADER_LIVE_TRADING="1",
        CRACKTRADER_CREDENTIALS_KEY=new_key(),
        CRACKTRADER_ORDER_POLL_MS="200",
        CRACKTRADER_BAR_SETTLE_MS="50",
    )
    with RemoteVenue("--symbols", f"{BTC},{ETH},BNB/USDT") as venue:
        venue.do("price", symbol=BTC, price="40000")
        venue.do("price", symbol=ETH, price="2400")
        venue.do("parts", parts=PARTS)
        holders = open_accounts(venue)
        with desk:
            made = World(venue, desk, holders)
            made.manage("add_exchange", "wire", "--ccxt", "binance", "--url", venue.url)
            key = made.manage("create_key", "mine", "--scopes", "read,live", "--quiet")
            desk.http.headers["Authorization"] = f"Bearer {key}"
            yield made


def test_what_live_runs_trade_is_in_the_venues_ledger_to_the_last_digit(world: World) -> None:
    venue, desk = world.venue, world.desk
    changing = {holder: world.start(holder, **IN_AND_OUT) for holder in world.holders}
    stopped = {holder: world.start(holder, **IN_AND_STOPPED) for holder in world.holders}
    world.each(lambda h: len(world.theirs(h, BTC, "MARKET", "FILLED")) > 2, "in, out, and in")
    world.each(lambda h: world.theirs(h, ETH, "STOP_LOSS", "NEW"), "a stop rests at the venue")

    for _ in world.holders:
        venue.do("cut_fill", amount="0.01", rest="expire")
    venue.do("price", symbol=ETH, price="2350")
    world.each(lambda h: world.theirs(h, ETH, "STOP_LOSS", "FILLED", "EXPIRED"), "it fires")
    world.each(lambda h: world.theirs(h, ETH, "STOP_LOSS", "NEW"), "in again, with a new stop")
    world.each(
        lambda h: any(
            (order["purpose"], order["status"]) == ("stop_loss", "filled")
            for order in rows(desk, stopped[h], "orders")
        ),
        "the run has booked its stop",
    )
    runs = [*changing.values(), *stopped.values()]
    for run_id in runs:
        answer = desk.http.post("/run/stop", json={"run_id": run_id, "flatten": True})
        assert answer.status_code == 200, answer.text
    assert [desk.wait(run_id)["status"] for run_id in runs] == ["stopped"] * 4

    assert world.differences() == []
    dump = venue.dump()
    assert not [order for order in dump["orders"] if order["status"] in ("NEW", "PARTIALLY_FILLED")]
    assert any(0 < Decimal(o["executed"]) < Decimal(o["qty"]) for o in dump["orders"])
    for run_id in runs:
        results = desk.http.get(f"/results?run_id={run_id}").json()
        assert (results["status"], results["error"]) == ("stopped", None)
        assert results["ending"]["reason"] == "flatten"
        assert results["positions"] == []
        assert results["final_value"] == float(left_of(results, dump))
    firing = desk.http.get(f"/results?run_id={stopped[world.holders[1]]}").json()
    assert firing["trades"][0]["exit_reason"] == "stop_loss"


def left_of(results: dict[str, Any], dump: dict[str, Any]) -> Decimal:
    """The run's cash by the venue's trades of the orders that its results name."""
    filled = [row["order_id"] for row in results["orders"] if row["status"] == "filled"]
    names = {client_id(results["run_id"], order_id) for order_id in filled}
    orders = {order["id"] for order in dump["orders"] if order["client_id"] in names}
    assert len(orders) == len(names)
    cash = Decimal(CASH)
    for trade in dump["trades"]:
        if trade["order_id"] in orders:
            worth = Decimal(trade["quote_qty"])
            cash += worth if trade["side"] == "SELL" else -worth
            cash -= Decimal(trade["fee"]) if trade["fee_asset"] == "USDT" else 0
    return cash
