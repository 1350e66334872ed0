"""Secrets with values of their own, let into a desk that runs, are found nowhere outside it.

What signs in at venues comes in three ways: with a run, by command, and by the
admin's form.  All that a desk says, keeps or leaves behind is looked through.
"""

# ruff: noqa: F811

from __future__ import annotations

import base64
import json
import os
import pickle
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psutil
import pytest
from django.core import signing
from django.views.decorators.debug import sensitive_variables
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from exchanges.sealing import new_key
from tests.desk import DONE, ROOT, Desk
from tests.exchanges.signing_in import canaries, shapes
from tests.runs.lives import Wire, desk, intend, wire  # noqa: F401
from tests.runs.receiver import Receiver
from tests.venue import Fault, SpotMarket, VenueServer

from . import sinks
from .sinks import SINKS, Net, Sampler

pytestmark = pytest.mark.process

PASSWORD = "correct horse 7"
BODY = {
    "mode": "live",
    "strategy_name": "BuyAndHold",
    "strategy_params": {},
    "symbols": ["BTC/USDT"],
    "timeframe": "1s",
    "initial_cash": 10_000,
    "exchange": "wire",
    "confirm_live": True,
    "stop_loss": 0.02,
}
ORDER = {"symbol": "ETH/USDT", "side": "buy", "type": "limit", "amount": "0.1", "price": "1000",
         "confirm_live": True}  # fmt: skip
COMMANDS = """
import contextlib, io, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "cracktrader_site.settings"
import django
django.setup()
from django.core.management import call_command
commands, text = json.load(sys.stdin)
said = []
for command in commands:
    out, sys.stdin = io.StringIO(), io.StringIO(text)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            call_command(*command, stdout=out, stderr=out)
        except Exception as error:
            out.write(str(error))
    said.append(out.getvalue())
print(json.dumps(said))
"""
PAGES = ("", "api/apikey/", "api/auditentry/", "exchanges/account/", "exchanges/credential/",
         "exchanges/exchange/", "runs/run/", "runs/event/", "runs/venueorder/", "runs/delivery/",
         "runs/discrepancy/", "django_q/ormq/", "django_q/failure/")  # fmt: skip


def named(**groups: dict[str, str]) -> dict[str, str]:
    return {f"{group}.{name}": v for group, values in groups.items() for name, v in values.items()}


def keys(**more: str) -> dict[str, str]:
    return canaries() | {"password": f"pa/ss+phra&se%{secrets.token_hex(12)}"} | more


class World:
    """A desk at a venue, and whoever uses it; what they get to see goes through the net."""

    def __init__(self, home: Path, venue: VenueServer) -> None:
        self.inline, self.stored, self.formed = keys(), keys(), keys()
        self.withdrawing, self.bad, self.stray = keys(), keys(), keys()
        self.venue = venue
        self.net = Net(
            named(
                inline=self.inline, stored=self.stored, formed=self.formed,
                withdrawing=self.withdrawing, bad=self.bad, stray=self.stray,
            )
        )  # fmt: skip
        self.temporary = home / "tmp"
        self.temporary.mkdir(parents=True)
        self.desk = Desk(
            home,
            CRACKTRADER_AUTH="1",
            CRACKTRADER_LIVE_TRADING="1",
            CRACKTRADER_LOG_LEVEL="DEBUG",
            CRACKTRADER_CREDENTIALS_KEY=new_key(),
            CRACKTRADER_RECV_WINDOW_MS="1000",
            CRACKTRADER_ORDER_SKEW_MS="500",
            CRACKTRADER_ORDER_POLL_MS="200",
            CRACKTRADER_RECONCILE_SECONDS="3",
            TMPDIR=str(self.temporary),
        )
        self.desk.http.event_hooks = {"response": [self._hear]}
        self.admin = httpx.Client(
            base_url=self.desk.url.removesuffix("/api/v1"),
            timeout=30,
            follow_redirects=True,
            event_hooks={"response": [self._hear]},
        )
        self.statuses: list[int] = []

    @property
    def database(self) -> Path | str:
        return self.desk.env.get("DATABASE_URL") or self.desk.home / "db.sqlite3"

    def open_accounts(self) -> None:
        ledger = self.venue.ledger
        for name in ("inline", "stored", "formed", "withdrawing", "bad"):
            values = getattr(self, name)
            right = values["secret"] if name != "bad" else "another"
            ledger.open_account(
                name, values["apiKey"], right, {"USDT": "100000"},
                can_withdraw=name == "withdrawing",
            )  # fmt: skip

    def _hear(self, answer: httpx.Response) -> None:
        answer.read()
        self.statuses.append(answer.status_code)
        path = answer.request.url.path
        headers = "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
        sink = "admin" if path.startswith("/admin") else "answers"
        sink = "schema" if path.rpartition("/")[2] in ("schema", "docs", "redoc") else sink
        self.net.catch(sink, f"{answer.request.method} {path}", headers + "\n\n" + answer.text)

    def manage(self, *commands: list[str], stdin: str = "", heard: bool = True) -> list[str]:
        """What the commands say, in one process: that belongs to the logs.  All read `stdin`."""
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS],
            cwd=ROOT,
            env=self.desk.env | {"DJANGO_SUPERUSER_PASSWORD": PASSWORD},
            input=json.dumps([commands, stdin]),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        if heard:
            self.net.catch("logs", " ".join(commands[0][:2]), done.stdout + done.stderr)
        return [str(output) for output in json.loads(done.stdout)]

    def log_in(self) -> None:
        page = self.admin.get("/admin/login/")
        assert page.status_code == 200
        form = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": token(page)}
        assert self.admin.post("/admin/login/?next=/admin/", data=form).status_code == 200

    def submit(self, path: str, **fields: str) -> httpx.Response:
        form = {"csrfmiddlewaretoken": token(self.admin.get(path))} | fields
        return self.admin.post(path, data=form, headers={"Referer": str(self.admin.base_url)})

    def start(self, code: int = 200, **changes: Any) -> dict[str, Any]:
        answer = self.desk.http.post("/run/live", json=BODY | changes)
        assert answer.status_code == code, (answer.status_code, changes.keys())
        return dict(answer.json())

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.desk.http.get(f"/runs/{run_id}").json())

    def part(self, name: str) -> psutil.Process | None:
        for process in self.desk.processes():
            with suppress(psutil.Error):
                if process.cmdline()[-6:].count(name) and "--only" in process.cmdline():
                    return process
        return None


def token(page: httpx.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found, page.text[:500]
    return found[1]


def until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with VenueServer(SpotMarket()) as venue:
        world = World(tmp_path_factory.mktemp("canary") / "home", venue)
        world.open_accounts()
        with world.desk:
            yield world
        world.admin.close()


def follow(world: World, key: str, done: threading.Event) -> None:
    """A client that hears of everything, until the server goes away."""
    url = f"ws://127.0.0.1:{world.desk.port}/ws"
    headers = {"Authorization": f"Bearer {key}"}
    with (
        suppress(WebSocketException, OSError),
        connect(url, additional_headers=headers, compression=None) as ws,
    ):
        for channel in ("status", "orders", "trades", "equity", "logs"):
            ws.send(json.dumps({"action": "subscribe", "channel": channel}))
        # What is asked for wrongly is answered, not repeated.
        ws.send(json.dumps({"action": "subscribe", "channel": world.stray["secret"]}))
        while not done.is_set():
            with suppress(TimeoutError):
                world.net.catch("websocket", "message", ws.recv(timeout=0.2))


def misplaced(values: dict[str, str]) -> Iterator[bytes]:
    """Bodies that hold what signs in where it does not belong."""
    api_key, secret = values["apiKey"], values["secret"]
    config = {"apiKey": api_key, "secret": secret}
    bodies: list[dict[str, Any]] = [
        {"exchange_config": config | {"secret": [secret]}},
        {"exchange_config": config | {"secret": {"value": secret}}},
        {"exchange_config": config | {"password": values["password"], "uid": 1}},
        {"exchange_config": config | {"sandbox": secret}},
        {"exchange_config": config | {"options": {"defaultType": secret}}},
        {"exchange_config": config | {"options": {secret: 1}}},
        {"exchange_config": config | {"hostname": api_key}},
        {"exchange_config": config | {secret: 1}},
        {"exchange_config": {"apiKey": api_key}},
        {"exchange_config": config | {"credential": "stored"}},
        {"exchange_config": {"credential": secret}},
        {"exchange_config": [config]},
        {"exchange_config": json.dumps(config)},
        {"strategy_params": config},
        {"strategy_name": "MovingAverageCross", "strategy_params": {"fast_period": secret}},
        {"strategy_params": secret},
        {"mode": secret},
        {"initial_cash": secret},
        {"confirm_live": secret},
        {"apiKey": api_key, "secret": secret},
    ]
    for body in bodies:
        yield json.dumps(BODY | body).encode()
    whole = json.dumps(BODY | {"exchange_config": config})
    yield whole[: whole.index("ss<word>") + 33].encode()
    yield whole[:-1].encode()
    yield whole.replace('"secret":', '"secret": "x", "secret":').encode()
    yield whole.replace('{"apiKey"', '{"apiKey": "y", "apiKey"').encode()
    yield whole.replace("10000", "NaN").encode()
    yield whole.encode("utf-16")
    yield secret.encode()


def mistaken(values: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Bodies that hold it where a name is wanted, which an answer tells its sender is unknown."""
    api_key, secret = values["apiKey"], values["secret"]
    for name in ("strategy_name", "timeframe", "exchange"):
        yield {name: secret}
    yield {"symbols": [secret]}
    yield {"strategy_params": {secret: 1}}
    yield {secret: api_key}


def echo(world: World, values: dict[str, str], status: int = 400) -> Fault:
    """A venue that repeats the whole request, headers too, and worse."""
    said = (
        f"Illegal request: /api/v3/order?timestamp=1&signature={'ab' * 32} "
        f"X-MBX-APIKEY: {values['apiKey']} apiKey={values['apiKey']} secret={values['secret']} "
        f"password {values['password']} and {values['secret']}"
    )
    return Fault(status=status, body=json.dumps({"code": -1100, "msg": said}).encode())


def use(world: World) -> None:
    """A day at the desk, with all that may go wrong."""
    http, net = world.desk.http, world.net
    superuser = ["createsuperuser", "--noinput", "--username", "root", "--email", "r@x.invalid"]
    secret, *_ = world.manage(
        ["create_key", "mine", "--scopes", "read,backtest,paper,live", "--quiet"],
        superuser,
        ["add_exchange", "wire", "--ccxt", "binance", "--url", world.venue.url],
        heard=False,
    )
    key = secret.strip()
    net.look_for("desk key", key)
    net.look_for("desk key's secret", key.split("_", 2)[2])
    http.headers["Authorization"] = f"Bearer {key}"
    add = ["credentials", "add", "stored", "--exchange", "wire"]
    [added] = world.manage(add, stdin=json.dumps(world.stored))
    assert "stored:" in added, added
    wrong = world.stray | {"secret": [world.stray["secret"]], world.stray["apiKey"]: 1}
    [refused] = world.manage([*add[:2], "wrong", *add[3:]], stdin=json.dumps(wrong))
    assert refused

    world.log_in()
    ((wire,),) = world.desk.query("SELECT id FROM exchanges_exchange WHERE name = 'wire'")
    path = "/admin/exchanges/credential/add/"
    form = {"name": "formed", "exchange": str(wire)}
    assert world.submit(path, **form | {"name": "a b"}, **world.formed).status_code == 200
    assert "/add/" not in str(world.submit(path, **form, **world.formed).url)

    with Receiver() as receiver:
        world.manage(["webhook", "add", receiver.url], heard=False)
        done = threading.Event()
        follower = threading.Thread(target=follow, args=(world, key, done))
        follower.start()
        try:
            trade(world)
        finally:
            done.set()
            follower.join()
        assert receiver.wait(3)
        for post in receiver.posts:
            headers = "\n".join(f"{k}: {v}" for k, v in post.headers.items())
            net.catch("webhooks", post.id, headers.encode() + b"\n\n" + post.body)


def trade(world: World) -> None:
    http = world.desk.http
    first = world.start(exchange_config=world.inline)["run_id"]
    [account] = [row["account_id"] for row in http.get("/accounts").json()["accounts"]]
    second = world.start(exchange_config={"credential": "stored"})["run_id"]
    third = world.start(exchange_config={"credential": "formed"})["run_id"]
    for values in (world.withdrawing, world.bad):
        run_id = world.start(exchange_config=values)["run_id"]
        ended = until(
            lambda run_id=run_id: world.run(run_id)["status"] == "failed" and world.run(run_id),
            "a key that may not be used ends its run",
        )
        wanted = "WITHDRAWAL_ALLOWED" if values is world.withdrawing else "CREDENTIALS_REFUSED"
        assert ended["error"].startswith(wanted), ended
    for body in misplaced(world.stray):
        answer = http.post("/run/live", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 403, 415), (answer.status_code, answer.text[:300])
    headers = {"Authorization": http.headers["Authorization"]}
    for wrong in mistaken(world.stray):
        answer = httpx.post(f"{world.desk.url}/run/live", json=BODY | wrong, headers=headers)
        assert answer.status_code == 400, answer.text[:300]

    for run_id in (first, second, third):
        until(lambda run_id=run_id: world.run(run_id)["trade_count"], "the run trades", 40)
    end(world, second, third)

    # The venue repeats what it was sent, at orders and at questions, until it is well again.
    for endpoint, status in (
        ("newOrder", 400), ("newOrder", 500), ("newOrder", 401), ("openOrders", 400),
        ("myTrades", 500), ("account", 401), ("queryOrder", 400), ("ticker24hr", 400),
    ):  # fmt: skip
        world.venue.faults.arm(endpoint, echo(world, world.inline, status))
    for n in range(4):
        answer = http.post("/orders", json=ORDER | {"account_id": account, "client_id": f"n{n}"})
        assert answer.status_code == 200, answer.text
    for path in ("/balance", "/positions", "/orders", "/orders?status=rejected"):
        http.get(path, params={"account_id": account})
    assert "***" in http.get("/orders", params={"status": "rejected"}).text
    world.venue.faults.clear()

    trader = world.part("trade")
    assert trader is not None
    trader.send_signal(signal.SIGKILL)
    until(lambda: (p := world.part("trade")) is not None and p.pid != trader.pid, "another trader")
    resting = http.post("/orders", json=ORDER | {"account_id": account}).json()
    http.get(f"/orders/{resting['client_order_id']}")
    http.delete(f"/orders/{resting['client_order_id']}")
    world.venue.ledger.hand_order("inline", "BTC/USDT", "BUY", "0.1", type="LIMIT", price="900")
    until(lambda: http.get("/discrepancies").json()["discrepancies"], "the books are compared")
    http.post(f"/accounts/{account}/kill", json={"steps": ["block", "cancel"]})
    http.post(f"/accounts/{account}/release", json={"confirm": True})

    end(world, first)
    for run_id in (first, second, third):
        look_at(world, run_id)
    assert http.get(f"/runs/{first}/drift").status_code == 200


def end(world: World, *run_ids: str) -> None:
    """With nothing left at the venue that anybody would ask about."""
    for run_id in run_ids:
        world.desk.http.post("/run/stop", json={"run_id": run_id, "flatten": True})
    for run_id in run_ids:
        until(lambda run_id=run_id: world.run(run_id)["status"] in DONE, "the run is over", 40)


def look_at(world: World, run_id: str) -> None:
    http = world.desk.http
    for path in ("", "/trades", "/orders", "/equity", "/events", "/artifacts"):
        answer = http.get(f"/runs/{run_id}{path}")
        if path == "/events" and answer.status_code == 200:
            world.net.catch("events", run_id, answer.text)
    for path in ("/status", "/status/detailed", "/results", "/balance", "/positions"):
        answer = http.get(path, params={"run_id": run_id})
        assert answer.status_code == 200, (path, answer.text[:300])
        world.net.catch("results", path, answer.text)


def look_around(world: World) -> None:
    """What is left at the end of the day."""
    http, net = world.desk.http, world.net
    for path in ("/health", "/schema", "/docs", "/redoc", "/runs", "/exchanges", "/strategies",
                 "/accounts", "/orders", "/discrepancies"):  # fmt: skip
        assert http.get(path).status_code == 200, path
    assert httpx.get(f"{world.desk.url}/runs", timeout=10).status_code == 401
    rows = 0
    for path in PAGES:
        page = world.admin.get(f"/admin/{path}")
        assert page.status_code == 200, (path, page.status_code)
        links = set(re.findall(rf'href="(/admin/{path}[^"/?]+/(?:change|delete)/)', page.text))
        for link in sorted(links)[:6] if path else ():
            rows += world.admin.get(link).status_code == 200
    assert rows > 5
    world.manage(
        ["accounts"], ["credentials", "list"], ["keys"], ["runs"], ["webhook", "list"],
        ["check"], ["settings_doc"], ["credentials", "rotate"], ["credentials", "remove", "stored"],
    )  # fmt: skip
    told = world.desk.query("SELECT kind, data FROM runs_event")
    assert len(told) > 20
    net.catch("events", "runs_event", repr(told))
    net.catch_all("database", sinks.database(world.database))
    results = list(sinks.files(world.desk.home / "artifacts"))
    if isinstance(world.database, str):
        # They are in the database.
        kept = world.desk.query("SELECT name, content FROM cracktrader_site_storedfile")
        results = [(f"rows of {name}", sinks.table_rows(content)) for name, content in kept]
    assert results
    net.catch_all("results", results)
    net.catch_all("logs", [("serve.log", world.desk.log.read_bytes())])
    net.catch_all("files", sinks.files(world.desk.home))


def test_no_secret_is_found_anywhere_outside(world):
    net = world.net
    began = time.monotonic()

    def look() -> None:
        net.catch_all("processes", sinks.command_lines(world.desk.processes()))

    rows = set()

    def note(found: Iterator[tuple[str, bytes]]) -> None:
        for where, content in found:
            if where not in rows:
                rows.add(where)
                net.catch("database", where, content)

    def peek() -> None:
        if isinstance(world.database, Path):
            note(sinks.queue(world.database))

    if redis := world.desk.env.get("REDIS_URL"):
        threading.Thread(target=lambda: note(sinks.redis_queue(redis)), daemon=True).start()
    with Sampler(look, 1.0) as lines, Sampler(peek, 0.02):
        use(world)
        look_around(world)
    assert lines.looks > 5
    assert rows, "no task was seen in the queue"
    assert 500 not in world.statuses
    for sink, (size, count) in net.table().items():
        print(f"{sink:10} {size:>12,} bytes, {count} hits")
    print(f"{len(net.values)} secrets, {len(rows)} queue rows, {time.monotonic() - began:.0f} s")
    for hit in net.hits:
        print(hit)
    assert not net.hits
    quiet = [sink for sink, (size, _) in net.table().items() if not size and sink != "tracebacks"]
    assert quiet == [], "a sink that nothing came to proves nothing"


# --- crashes, as Django would show them ------------------------------------------------------


def test_no_traceback_of_signing_or_submitting_shows_a_secret(wire: Wire, settings, monkeypatch):
    from exchanges.models import Account
    from exchanges.services import accounts
    from exchanges.trading import OrderType, Ticket
    from runs.trading import sending

    settings.DEBUG = True
    values = keys()
    wire.ledger.open_account("canary", values["apiKey"], values["secret"], {"USDT": "100000"})
    net = Net(named(canary=values))
    run = wire.started(exchange_config=values)
    account = Account.objects.select_related("exchange", "credential").get(pk=run.account_id)
    order = intend(run)

    def report(call: Callable[[], object]) -> None:
        with pytest.raises(Exception) as caught:
            call()
        error: BaseException | None = caught.value
        while error is not None:
            net.catch_all("tracebacks", sinks.reports(error))
            error = error.__cause__ or error.__context__

    @sensitive_variables()
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("forced")

    from exchanges.domain import Side, Symbol

    symbol = Symbol("BTC/USDT")
    venue = accounts.venue_account(account)
    venue.rules(symbol)

    def submit() -> None:
        ticket = Ticket(
            client_id="a" * 32, symbol=symbol, side=Side.BUY, type=OrderType.MARKET,
            amount=Decimal("0.01"), stamp_ms=venue.now_ms(), limit_price=None, stop_price=None,
        )  # fmt: skip
        venue.submit(ticket)

    def send() -> None:
        order.refresh_from_db()
        sending.send(account, venue, order)

    questions = [venue.balances, venue.permissions, venue.open_orders, lambda: venue.price(symbol)]
    for target in ("hmac", "sign", "fetch"):
        with monkeypatch.context() as broken:
            broken.setattr(venue._api, target, breaks)
            for call in (submit, *questions[:3]):
                report(call)
    with monkeypatch.context() as broken:
        broken.setattr("requests.adapters.HTTPAdapter.send", breaks)
        for call in (submit, *questions):
            report(call)
    for status in (400, 401, 500):
        for endpoint, call in (("newOrder", submit), ("account", venue.balances)):
            wire.server.faults.arm(endpoint, echo_of(values, status))
            report(call)
    for name in ("runs.trading.orders.change", "runs.trading.slots.answered"):
        with monkeypatch.context() as broken:
            broken.setattr(name, breaks)
            report(send)
    with monkeypatch.context() as broken:
        broken.setattr("exchanges.adapters.venue_account", breaks)
        report(lambda: accounts.venue_account(account))
    for name in ("_create", "_sign_in_with", "_unnamed"):
        with monkeypatch.context() as broken:
            broken.setattr(accounts, name, breaks)
            fresh = keys()
            if name == "_sign_in_with":
                fresh["apiKey"] = values["apiKey"]
            net.look_for(f"{name} key", fresh["apiKey"])
            net.look_for(f"{name} secret", fresh["secret"])
            report(lambda fresh=fresh: wire.begin(exchange_config=fresh, symbols=["ETH/USDT"]))
    size, count = net.table()["tracebacks"]
    print(f"tracebacks {size:,} bytes, {count} hits")
    assert size > 500_000
    assert net.hits == []


def echo_of(values: dict[str, str], status: int) -> Fault:
    return echo(SimpleNamespace(), values, status)  # type: ignore[arg-type]


# --- the net itself --------------------------------------------------------------------------


@pytest.mark.parametrize("sink", SINKS)
def test_a_secret_that_is_there_would_be_found(sink, tmp_path):
    """One planted in what each sink is collected from, in every shape that is looked for."""
    values = canaries()
    net = Net(values)
    secret = values["secret"]
    if sink == "database":
        plant_in_rows(tmp_path / "db.sqlite3", secret)
        net.catch_all(sink, sinks.database(tmp_path / "db.sqlite3"))
        net.catch_all(sink, sinks.queue(tmp_path / "db.sqlite3"))
        found = {where for _, where, _, _ in net.hits}
        assert found == {"django_q_ormq.payload", "queue row 1", "session.data", "log.told"}
    elif sink == "processes":
        for name, more in (("secret", {}), ("apiKey", {"OF_A_VENUE": values["apiKey"]})):
            child = [
                sys.executable,
                "-c",
                "import sys; sys.stdin.read()",
                values[name] if not more else "",
            ]
            with subprocess.Popen(child, env=os.environ | more, stdin=subprocess.PIPE) as started:
                time.sleep(0.2)
                net.catch_all(sink, sinks.command_lines([psutil.Process(started.pid)]))
                assert started.stdin is not None
                started.stdin.close()
            assert {hit[2] for hit in net.hits} >= {name}
    elif sink == "tracebacks":
        assert {hit[2] for hit in reported(net, secret).hits} == {"secret"}
    elif sink in ("files", "results"):
        plant_in_files(tmp_path, secret)
        net.catch_all(sink, sinks.files(tmp_path))
        assert {Path(where.split()[-1]).name for _, where, _, _ in net.hits} == {
            "plain", ".hidden", "rows.parquet",
        }  # fmt: skip
    else:
        for shape in (*shapes(secret), secret.encode().hex().upper()):
            before = len(net.hits)
            net.catch(sink, "planted", f"before {shape} after")
            assert len(net.hits) > before, shape
        basic = base64.b64encode(f"user:{secret}:x".encode())
        before = len(net.hits)
        net.catch(sink, "planted", basic)
        assert len(net.hits) > before
    assert net.table()[sink][1] == len(net.hits) > 0
    assert not any(secret in text for hit in net.hits for text in hit)


def reported(net: Net, secret: str) -> Net:
    def crashes(told: str) -> None:
        raise RuntimeError("forced")

    try:
        crashes(secret)
    except RuntimeError as error:
        net.catch_all("tracebacks", sinks.reports(error, ours=False))
    return net


def plant_in_rows(path: Path, secret: str) -> None:
    packed = signing.b64_encode(pickle.dumps({"args": (secret,)})).decode()
    session = signing.dumps({"pad": "x" * 500, "held": secret}, compress=True)
    assert session.startswith(".")
    with sqlite3.connect(path) as rows:
        rows.execute("CREATE TABLE django_q_ormq (id INTEGER, payload TEXT)")
        rows.execute("INSERT INTO django_q_ormq VALUES (1, ?)", [f"{packed}:abc:def"])
        rows.execute("CREATE TABLE session (data TEXT, empty TEXT)")
        rows.execute("INSERT INTO session VALUES (?, NULL)", [session])
        rows.execute("CREATE TABLE log (told BLOB, at REAL)")
        rows.execute("INSERT INTO log VALUES (?, 1.5)", [f"said {secret}".encode()])
    rows.close()


def plant_in_files(folder: Path, secret: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "plain").write_text(f"x{secret}")
    (folder / "deep").mkdir()
    (folder / "deep" / ".hidden").write_bytes(b"\x00\xff" + secret.encode().hex().encode())
    rows = pa.table({"said": [f"{secret} {n}" for n in range(3)]})
    pq.write_table(rows, folder / "rows.parquet", compression="zstd")
