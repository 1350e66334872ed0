"""A running desk against its own schema: generated requests, right, wrong and well aimed.

Once without keys, and once with keys of every kind and live trading at a venue
on the wire (`make test-long`).  CRACKTRADER_TEST_SCHEMATHESIS sets the number of cases;
from 2,000 on, every operation must have succeeded at least 20 times.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchanges.sealing import new_key
from runs.examples import REPLAY_BODY
from runs.sweeps.examples import GRID_BODY
from tests.desk import DONE, ROOT, Desk
from tests.venue import RemoteVenue

from .aims import NEEDS_VENUE, Known, aimed_at
from .campaign import Caller, Campaign
from .harness import until
from .live_desk import PULSE, Holder, open_accounts

pytestmark = pytest.mark.process

logging.getLogger("httpx").setLevel(logging.WARNING)
CASES = int(os.environ.get("CRACKTRADER_TEST_SCHEMATHESIS", "100"))
WANTED_SUCCESSES = 20 if CASES >= 2_000 else 1
SCOPES = ("read", "backtest", "paper", "live")


@pytest.fixture(scope="module")
def desk(plain_desk: Desk) -> Iterator[Desk]:
    yield plain_desk
    # Nobody knows what has been asked of it.
    plain_desk.stop()


def known_runs(desk: Desk) -> Known:
    """Runs to ask for: two that completed, one of them a replay, and two that did not."""
    completed = desk.start_backtest()
    stopped = desk.start_backtest(symbols=["ETH/USDT"])
    desk.http.post("/run/stop", json={"run_id": stopped})
    replay, paper = (
        desk.start_paper(**REPLAY_BODY | {"replay": REPLAY_BODY["replay"] | changes})
        for changes in ({}, {"speed": 5e4})
    )
    assert desk.wait(completed)["status"] == "completed"
    assert desk.wait(replay)["status"] == "completed"
    started = [
        desk.http.post("/run/sweep", json=GRID_BODY).json()["sweep_id"]
        for _ in range(2 + 2 * WANTED_SUCCESSES)
    ]
    sweeps, doomed = started[:2], started[2:]
    for sweep_id in started[1:]:
        desk.http.post(f"/sweeps/{sweep_id}/stop", json={})
    sweep = f"/sweeps/{sweeps[0]}"
    until(lambda: desk.http.get(sweep).json()["status"] == "completed", 60, "it is tried")
    over = [f"/sweeps/{sweep_id}" for sweep_id in doomed]
    until(lambda: all(desk.http.get(path).json()["end_time"] for path in over), 60, "all end")
    stoppable = [completed, replay, stopped, paper]
    return Known(completed, replay, stoppable, sweeps[0], sweeps, doomed)


def settle(desk: Desk) -> None:
    """Ends the newest run, so that the runner can be reset."""
    desk.http.post("/run/stop")
    until(lambda: desk.http.get("/status").json()["status"] in ("idle", *DONE), 30, "it is over")


def judge(campaign: Campaign, unreachable: set[str]) -> None:
    assert campaign.operations.keys() == {
        *(name.partition(",")[0] for name in campaign.aimed),
        *unreachable,
    }
    logged = len(campaign.desk.log.read_text())
    campaign.run(CASES)
    print(campaign.figures())
    for name, counts in campaign.answers.items():
        assert name in unreachable or counts[200] >= WANTED_SUCCESSES, (name, counts)
        assert not [status for status in counts if status >= 500]
    # Discrepancies wait for a decision.
    assert campaign.desk.health() in (("ok",) if unreachable else ("ok", "degraded"))
    assert "Traceback" not in campaign.desk.log.read_text()[logged:]


def test_every_answer_is_as_the_schema_says(desk: Desk) -> None:
    known = known_runs(desk)
    anyone = frozenset(SCOPES)
    callers = [
        Caller("anyone", anyone),
        Caller("anyone with a key", anyone, {"Authorization": "Bearer ct_0_0"}),
    ]
    before = {"run_reset": lambda parts: (settle(desk), parts)[1]}
    judge(Campaign(desk, aimed_at(known), callers, before), NEEDS_VENUE)


# --- with keys, and a venue ------------------------------------------------------------------

MAKING = """
import json, sys
from datetime import timedelta
import django
django.setup()
from django.utils import timezone
from cracktrader_site.api import keys
from cracktrader_site.api.models import ApiKey
from exchanges import services
from strategies.services import sync_strategies
services.sync_exchanges()
sync_strategies()
services.add_exchange("wire", "binance", sys.argv[1])
made = {"whole": keys.create("whole", keys.SCOPES, "test")[1]}
for scope in keys.SCOPES:
    made[scope] = keys.create(scope, [scope], "test")[1]
for name in ("revoked", "expired"):
    row, made[name] = keys.create(name, keys.SCOPES, "test")
    if name == "revoked":
        keys.revoke(row, "test")
    else:
        ApiKey.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(hours=1))
print(json.dumps(made))
"""


def make_keys(desk: Desk, url: str) -> list[Caller]:
    """Callers of every kind, on a desk that has got a venue at `url`."""
    done = subprocess.run(
        [sys.executable, "-c", MAKING, url],
        cwd=ROOT,
        env=desk.env | {"DJANGO_SETTINGS_MODULE": "cracktrader_site.settings"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    made: dict[str, str] = json.loads(done.stdout)
    whole = made["whole"]
    bad = {
        "empty": "",
        "revoked": f"Bearer {made.pop('revoked')}",
        "expired": f"Bearer {made.pop('expired')}",
        "made up": f"Bearer ct_{'0' * 12}_{'A' * 43}",
        "another secret": f"Bearer {whole[:-1]}{'A' if whole[-1] != 'A' else 'B'}",
        "no key": "Bearer \xff",
        "another scheme": f"Basic {whole}",
        "long": f"Bearer {'x' * 5_000}",
    }
    callers = [
        Caller(name, frozenset(SCOPES if name == "whole" else [name]), {
            "Authorization": f"Bearer {key}"
        })
        for name, key in made.items()
    ]  # fmt: skip
    refused = [Caller(name, None, {"Authorization": text}) for name, text in bad.items()]
    return [*callers, *refused, Caller("nobody", None)]


class LiveWorld:
    """A desk that trades live, and what its aimed requests need done at the venue before."""

    def __init__(self, desk: Desk, venue: RemoteVenue, holders: list[Holder]) -> None:
        self.desk, self.venue, self.holders = desk, venue, holders
        self.known = self._begin()
        self.before = {
            "run_reset": self._settled,
            "run_live, live": self._without_live_runs,
            "order": self._with_order,
            "cancel_order": self._with_order,
            "resolve_discrepancy": self._with_discrepancy,
        }
        self._resting = itertools.cycle([True, False])
        self._order = ""

    def _begin(self) -> Known:
        live, other = (
            self._start_live(holder, symbols=["BTC/USDT"], strategy_params={"hold": 1})
            for holder in self.holders
        )
        accounts = {
            run_id: self._get(f"/orders?run_id={run_id}&limit=1") for run_id in (live, other)
        }
        assert all("orders" in page for page in accounts.values())
        rows = {row["sandbox"]: row["account_id"] for row in self._get("/accounts")["accounts"]}
        known = known_runs(self.desk)
        known.live, known.config = live, self.holders[0].config
        known.account, known.spare = rows[True], rows[False]
        return known

    def _start_live(self, holder: Holder, **body: Any) -> str:
        run_id = self.desk.start_paper(
            mode="live", confirm_live=True, strategy_name="Pulse", timeframe="1s",
            initial_cash=10_000, exchange="wire", exchange_config=holder.config, **body,
        )  # fmt: skip
        until(lambda: self._get(f"/runs/{run_id}")["status"] == "running", 60, "it runs")
        return run_id

    def _get(self, path: str) -> Any:
        answer = self.desk.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _settled(self, parts: dict[str, Any]) -> dict[str, Any]:
        settle(self.desk)
        return parts

    def _without_live_runs(self, parts: dict[str, Any]) -> dict[str, Any]:
        for run in self._get("/runs?mode=live&symbol=ETH/USDT&limit=5")["runs"]:
            if run["status"] not in DONE:
                self.desk.http.post("/run/stop", json={"run_id": run["run_id"]})
                self.desk.wait(run["run_id"])
        return parts

    def _with_order(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Every second time a new one that rests; else that again, as it is now."""
        if next(self._resting) or not self._order:
            body = {
                "account_id": self.known.account, "symbol": "BTC/USDT", "side": "buy",
                "type": "limit", "amount": "0.01", "price": 9_000, "confirm_live": True,
            }  # fmt: skip
            answer = self.desk.http.post("/orders", json=body)
            assert answer.status_code == 200, answer.text
            self._order = answer.json()["client_order_id"]
        return parts | {"path_parameters": {"order_id": self._order}}

    def _undecided(self) -> list[dict[str, Any]]:
        found = self._get(f"/discrepancies?account_id={self.known.account}")["discrepancies"]
        return [row for row in found if not row["resolution"]]

    def _with_discrepancy(self, parts: dict[str, Any]) -> dict[str, Any]:
        if not self._undecided():
            order = {"symbol": "BTC/USDT", "side": "BUY", "qty": "0.01", "price": "9000"}
            for _ in range(20):
                self.venue.do("hand_order", account=self.holders[0].name, type="LIMIT", **order)
            until(self._undecided, 30, "it is told of the orders")
        return parts | {"path_parameters": {"discrepancy_id": self._undecided()[0]["id"]}}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[LiveWorld, list[Caller]]]:
    home = tmp_path / "home"
    (home / "strategies").mkdir(parents=True)
    (home / "strategies" / "pulse.py").write_text(PULSE)
    desk = Desk(
        home,
        CRACKTRADER_AUTH="1",
        CRACKTRADER_LIVE_TRADING="1",
        CRACKTRADER_CREDENTIALS_KEY=new_key(),
        CRACKTRADER_ORDER_POLL_MS="100",
        CRACKTRADER_BAR_SETTLE_MS="50",
        CRACKTRADER_RECONCILE_SECONDS="1",
    )
    with RemoteVenue("--symbols", "BTC/USDT,ETH/USDT,BNB/USDT") as venue:
        for symbol, price in (("BTC/USDT", "40000"), ("ETH/USDT", "2400")):
            venue.do("price", symbol=symbol, price=price)
        venue.do("rules", symbol="BTC/USDT", max_orders=100_000)
        holders = open_accounts(venue)
        with desk:
            callers = make_keys(desk, venue.url)
            desk.http.headers.update(callers[0].headers)
            yield LiveWorld(desk, venue, holders), callers


@pytest.mark.slow
@pytest.mark.long
def test_with_keys_every_answer_is_as_the_schema_says_and_none_is_let_in_without_its_scope(
    live: tuple[LiveWorld, list[Caller]],
) -> None:
    """Without keys above; with them `test_mutations` and `test_keys` ask in process."""
    world, callers = live
    judge(Campaign(world.desk, aimed_at(world.known), callers, world.before), set())


# --- what no client library would send -------------------------------------------------------


def exchange(desk: Desk, raw: bytes) -> tuple[int, str, bytes]:
    """Status, content type and body of the answer to raw bytes."""
    with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as wire:
        with contextlib.suppress(ConnectionError):
            wire.sendall(raw)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        return answer.status, answer.headers["Content-Type"], answer.read()


def request(head: str, body: bytes = b"", host: str = "localhost") -> bytes:
    return f"{head}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1") + body


POST = "POST /api/v1/run/backtest HTTP/1.1\r\nContent-Type: application/json"
CHUNKED = b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
RAW = {
    "chunked": (request(f"{POST}\r\nTransfer-Encoding: chunked", CHUNKED), 400),
    "3 MB": (request(f"{POST}\r\nContent-Length: 3000000", b" " * 3_000_000), 413),
    "3 MB chunked": (
        request(f"{POST}\r\nTransfer-Encoding: chunked", b"2DC6C0\r\n" + b" " * 3_000_000), 400),
    "rebound": (request("GET /api/v1/status HTTP/1.1", host="evil.example"), 400),
    "foreign": (request("POST /api/v1/run/stop HTTP/1.1\r\nOrigin: http://evil.example"), 403),
    "broken origin": (request("POST /api/v1/run/stop HTTP/1.1\r\nOrigin: http://["), 403),
    "line feed": (request("GET /api/v1/status%0A HTTP/1.1"), 404),
    "nul": (request("GET /api/v1/runs/%00 HTTP/1.1"), 404),
    "surrogate": (request("GET /api/v1/runs?status=%ED%A0%80 HTTP/1.1"), 400),
    "dots": (request("GET /api/v1/../../etc/passwd HTTP/1.1"), 404),
    "long": (request(f"GET /api/v1/runs?cursor={'a' * 60_000} HTTP/1.1"), 400),
}  # fmt: skip
UNREADABLE = {
    "a byte that is no text": request("GET /api/v1/runs?x=\xff HTTP/1.1"),
    "two lengths": request(f"{POST}\r\nContent-Length: 2\r\nContent-Length: 3", b"{} "),
    "a negative length": request(f"{POST}\r\nContent-Length: -5"),
    "two hosts": request("GET /api/v1/status HTTP/1.1\r\nHost: localhost"),
    "no protocol": b"hello\r\n\r\n",
}


@pytest.mark.parametrize(("raw", "status"), RAW.values(), ids=RAW.keys())
def test_odd_requests_on_the_wire_are_answered_in_the_envelope(desk, raw, status):
    found, kind, body = exchange(desk, raw)
    assert (found, kind) == (status, "application/json"), body[:300]
    assert json.loads(body)["error"]["code"]


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_not_http_is_400_and_harms_nothing(desk, raw):
    status, _, body = exchange(desk, raw)
    assert status == 400, body[:300]
    assert desk.health() == "ok"
