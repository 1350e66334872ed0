"""A desk that trades live at a wire-level venue, as a test sets it up in its own process."""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.fernet import Fernet
from django.test import Client

from cracktrader_site.api import keys
from exchanges.models import Account, Exchange
from strategies.services import sync_strategies
from tests.venue import RemoteVenue

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "LTC/USDT", "BNB/USDT")
RECV_WINDOW_MS, SKEW_MS = 500, 300
PULSE = '''
from pydantic import Field

from strategies.base import Params, Signals, Strategy


class Pulse(Strategy):
    """In for `hold` of every `period` seconds, by the time of the bars."""

    class Params(Params):
        period: int = Field(6, ge=2, le=600)
        hold: int = Field(3, ge=1, le=600)
        offset: int = Field(0, ge=0, le=600)

    def warmup(self, params):
        return 1

    def signals(self, bars, params):
        second = (bars.time // 1000 + params.offset) % params.period
        return Signals(second < params.hold, second >= params.hold)
'''


class Holder(NamedTuple):
    """An account at the venue, and what its keys say; `coin`: it pays its fees in that."""

    name: str
    sandbox: bool
    key: str
    secret: str
    coin: str | None

    @property
    def config(self) -> dict[str, Any]:
        return {"apiKey": self.key, "secret": self.secret, "sandbox": self.sandbox}

    def account(self) -> Account:
        return Account.objects.get(sandbox=self.sandbox)


DEPOSITS = {"USDT": Decimal(10_000_000), "BNB": Decimal(100_000)}


def open_accounts(venue: RemoteVenue) -> list[Holder]:
    """One in the sandbox that pays its fees in a third coin, and one behind the other door."""
    holders = [
        Holder(name, sandbox, secrets.token_hex(16), secrets.token_hex(16), coin)
        for name, sandbox, coin in (("toy", True, "BNB"), ("real", False, None))
    ]
    for holder in holders:
        venue.do(
            "account",
            name=holder.name,
            key=holder.key,
            secret=holder.secret,
            balances={asset: str(amount) for asset, amount in DEPOSITS.items()},
            realm="sandbox" if holder.sandbox else "production",
            fee_coin=holder.coin,
        )
    return holders


class LiveDesk:
    """Accounts at `venue`, a strategy, and a key that may trade live; nothing works here yet."""

    def __init__(self, venue: RemoteVenue, settings: Any, folder: Path) -> None:
        self.venue = venue
        self.holders = open_accounts(venue)
        self.exchange = Exchange.objects.create(
            name="wire",
            ccxt_id="binance",
            base_url=venue.url,
            timeframes=["1s", "1m"],
            sandbox=True,
            credentials=["apiKey", "secret"],
            taker=0.001,
            maker=0.001,
        )
        settings.STRATEGIES_DIR = folder / "strategies"
        settings.STRATEGIES_DIR.mkdir()
        (settings.STRATEGIES_DIR / "pulse.py").write_text(PULSE)
        settings.CANDLES_DIR = folder / "candles"
        store = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": folder / "artifacts"}}
        settings.STORAGES = settings.STORAGES | {"artifacts": store}
        settings.AUTH = settings.LIVE_TRADING = True
        settings.CREDENTIALS_KEY = [Fernet.generate_key().decode()]
        settings.RECV_WINDOW, settings.ORDER_SKEW = RECV_WINDOW_MS, SKEW_MS
        settings.ORDER_TIMEOUT = settings.VENUE_TIMEOUT = 1.5
        settings.ORDER_POLL, settings.BAR_SETTLE = 250, 50
        settings.RUN_LEASE_SECONDS = 2
        # The kills are not the run's doing, however often they hit the same one.
        settings.RUN_MAX_ATTEMPTS = 1_000_000
        sync_strategies()
        key = keys.create("hands", ["read", "live"], "test")[1]
        self._client = Client(headers={"Authorization": f"Bearer {key}"})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/api/v1{path}", json.dumps(body), "application/json")
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    def get(self, path: str) -> dict[str, Any]:
        answer = self._client.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    def start(self, holder: Holder, symbols: list[str], **body: Any) -> str:
        request = {
            "mode": "live",
            "confirm_live": True,
            "strategy_name": "Pulse",
            "strategy_params": {},
            "symbols": symbols,
            "timeframe": "1s",
            "initial_cash": 10_000,
            "exchange": "wire",
            "exchange_config": holder.config,
        }
        return str(self.post("/run/live", request | body)["run_id"])

    def stop(self, run_id: str, *, flatten: bool) -> None:
        self.post("/run/stop", {"run_id": run_id, "flatten": flatten})
