"""Live trading in this process: the real ccxt client at a wire-level venue, its trader at hand."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet

from exchanges.adapters.ccxt_client import Pace
from exchanges.models import Account, Exchange
from runs import services
from runs.bodies import LiveTradingRequest
from runs.models import Run, VenueOrder
from runs.trading.naming import client_id
from runs.trading.tending import Tender
from tests.runs.papers import BODY, desk, slices  # noqa: F401
from tests.venue import SpotMarket, VenueServer
from tests.venue.ledger import Ledger

SYMBOLS = ("BTC/USDT", "ETH/USDT")
SCOPES = ("read", "live")
KEY, SECRET = "k" + secrets.token_hex(16), "s" + secrets.token_hex(16)


@dataclass
class Wire:
    """A venue with one account of 100,000 USDT, named `mine`, and BTC at 50,000, ETH at 2,500."""

    server: VenueServer
    exchange: Exchange

    @property
    def ledger(self) -> Ledger:
        return self.server.ledger

    def begin(self, key: str = "", **changes: Any) -> Run:
        """A live run, recorded; nothing has worked on it.  `key`: of its start."""
        body = BODY | {
            "mode": "live",
            "exchange": "wire",
            "symbols": ["BTC/USDT"],
            "timeframe": "1m",
            "initial_cash": 10_000,
            "confirm_live": True,
            "exchange_config": {"apiKey": KEY, "secret": SECRET},
            "stop_loss": None,
            "slippage": 0.0,
        }
        form = LiveTradingRequest(data=body | changes)
        form.is_valid(raise_exception=True)
        return services.start_live(
            dict(form.validated_data), ring=False, scopes=SCOPES, idempotency_key=key
        )

    def started(self, **changes: Any) -> Run:
        """`begin`, and past its start, as a slice would have it."""
        run = self.begin(**changes)
        Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING, cursor_ms=0, due_at=None)
        run.refresh_from_db()
        return run

    def tender(self, run: Run) -> Tender:
        assert run.account_id is not None
        found = Account.objects.select_related("exchange", "credential")
        return Tender(found.get(pk=run.account_id))


def intend(run: Run, side: str = "buy", symbol: str = "BTC/USDT", **fields: Any) -> VenueOrder:
    """What a slice writes when its strategy has decided."""
    now = time.time_ns() // 1_000_000
    name = fields.pop("order_id", None) or f"{now}-{secrets.token_hex(4)}"
    purpose = fields.pop("purpose", "entry" if side == "buy" else "exit")
    return VenueOrder.objects.create(
        account_id=run.account_id,
        run=run,
        order_id=name,
        client_id=client_id(str(run.public_id), name),
        symbol=symbol,
        side=side,
        purpose=purpose,
        created_ms=fields.pop("created_ms", now),
        **{"share": 0.5 if side == "buy" else None} | fields,
    )


def until(
    tender: Tender | list[Tender], condition: Callable[[], Any], seconds: float = 60.0
) -> None:
    """Tends until the condition holds."""
    tenders = tender if isinstance(tender, list) else [tender]
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        worked = [one.tend() for one in tenders]
        if not any(worked):
            time.sleep(0.01)


def over(order: VenueOrder) -> bool:
    order.refresh_from_db()
    return order.is_terminal


def agree(wire: Wire, account: Account, name: str = "mine") -> None:
    """Every order and trade of ours is the venue's, to the last digit, and none is lacking."""
    theirs = {o.client_id: o for o in wire.ledger.orders(name)}
    ours = {o.client_id: o for o in VenueOrder.objects.filter(account=account)}
    assert set(theirs) <= set(ours), set(theirs) - set(ours)
    assert len(theirs) == len(wire.ledger.orders(name)), "an order was placed twice"
    for key, order in ours.items():
        if key not in theirs:
            assert order.filled == 0, order
            continue
        assert order.filled == theirs[key].executed, order
        mine = [t for t in wire.ledger.trades(name) if t.order_id == theirs[key].id]
        assert order.cost == sum((t.qty * t.price for t in mine), Decimal(0)), order
        assert order.executions.count() == len(mine)


@pytest.fixture
def wire(
    desk: None,  # noqa: F811
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Wire]:
    settings.AUTH = settings.LIVE_TRADING = True
    settings.CREDENTIALS_KEY = [Fernet.generate_key().decode()]
    settings.RECV_WINDOW, settings.ORDER_SKEW = 500, 200
    settings.ORDER_TIMEOUT, settings.VENUE_TIMEOUT = 1.0, 1.0
    settings.ORDER_POLL = 100
    # The venue here may be asked as often as one likes.
    monkeypatch.setattr(Pace, "__call__", lambda pace, cost=None: None)
    with VenueServer(SpotMarket(SYMBOLS)) as server:
        server.ledger.open_account("mine", KEY, SECRET, {"USDT": "100000"})
        server.ledger.set_price("BTC/USDT", "50000")
        server.ledger.set_price("ETH/USDT", "2500")
        yield Wire(
            server,
            Exchange.objects.create(
                name="wire",
                ccxt_id="binance",
                base_url=server.url,
                timeframes=["1s", "1m", "1h"],
                sandbox=True,
                credentials=["apiKey", "secret"],
                taker=0.001,
                maker=0.001,
            ),
        )
