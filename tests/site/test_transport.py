"""Between the socket and Django: the slow, the many, and headers that pretend."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import uvicorn
from django.conf import settings as configured
from django.db import connection
from websockets.exceptions import InvalidStatus

from cracktrader_site import asgi, doors, http_protocol, wire
from cracktrader_site.api import keys
from cracktrader_site.api.models import ApiKey
from cracktrader_site.bridge import Threads
from cracktrader_site.websocket_protocol import Bounded
from exchanges.domain import Busy
from runs.streaming.hub import Hub
from tests.desk import ROOT
from tests.site.api import API, error
from tests.site.streams import Web

TOKEN = "a" * 32
BUNDLE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.50"}
KILL = f"{API}/accounts/00000000-0000-4000-8000-000000000000/kill"
MORE_THAN_THREADS = 12
SOON = 5.0


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Web(tmp_path_factory.mktemp("plain")) as web:
        yield web


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """Behind TLS, with keys, and few places for WebSockets."""
    env = {
        "CRACKTRADER_AUTH": "1", "CRACKTRADER_BEHIND_TLS": "1", "CRACKTRADER_RATE_LIMIT": "1000",
        "CRACKTRADER_WS_CONNECTIONS": "8",
    }  # fmt: skip
    with Web(tmp_path_factory.mktemp("guarded"), **env) as web:
        yield web


def make_key(web: Web, name: str) -> dict[str, str]:
    made = subprocess.run(
        [sys.executable, "manage.py", "create_key", name, "--scopes", "read", "--quiet"],
        env=web.env, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {"Authorization": f"Bearer {made.stdout.strip()}"}


# --- the slow --------------------------------------------------------------------------------


def send_slowly(web: Web) -> socket.socket:
    one = web.socket()
    one.sendall(
        b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        + f"Cookie: csrftoken={TOKEN}\r\nContent-Length: 1000\r\n\r\na".encode()
    )
    return one


def read_slowly(web: Web) -> socket.socket:
    one = web.socket(receive_buffer=2048)
    one.sendall(f"GET {BUNDLE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 4)
    return one


@pytest.mark.process
@pytest.mark.parametrize("slow", [send_slowly, read_slowly])
def test_slow_connections_keep_nobody_waiting(plain, slow: Callable[[Web], socket.socket]):
    with contextlib.ExitStack() as held:
        for _ in range(MORE_THAN_THREADS):
            held.enter_context(contextlib.closing(slow(plain)))
        time.sleep(1)
        with httpx.Client(base_url=f"http://127.0.0.1:{plain.port}", timeout=SOON) as client:
            assert client.get(f"{API}/health").status_code == 200
            assert client.get(f"{API}/strategies").status_code == 200
            assert client.get(BUNDLE).status_code == 200
            assert client.post(KILL, json={}).status_code in (403, 404)


@pytest.mark.process
def test_a_large_answer_arrives_whole(plain):
    url = f"http://127.0.0.1:{plain.port}{BUNDLE}"
    whole = httpx.get(url)
    assert len(whole.content) == int(whole.headers["Content-Length"]) > 1_000_000
    part = httpx.get(url, headers={"Range": "bytes=100-300099"})
    assert part.status_code == 206
    assert part.content == whole.content[100:300100]
    head = httpx.head(url)
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert head.content == b""
    assert (
        httpx.get(url, headers={"If-Modified-Since": whole.headers["Last-Modified"]}).content == b""
    )


@pytest.mark.process
@pytest.mark.parametrize("path", ["/admin/login/", f"{API}/run/stop"])
def test_a_body_that_is_too_large_is_not_waited_for(plain, path):
    with contextlib.closing(plain.socket()) as one:
        one.settimeout(SOON)
        one.sendall(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
            + b"Content-Length: 999999999\r\n\r\na"
        )
        answer = one.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"BODY_TOO_LARGE" in answer


@pytest.mark.process
def test_a_head_that_never_ends_is_cut_off(plain):
    with contextlib.closing(plain.socket()) as one:
        one.settimeout(20)
        one.sendall(b"GET / HTTP/1.1\r\nHost: 127.")
        with contextlib.suppress(ConnectionResetError):
            assert one.recv(1) == b""


class Exchange:
    """One request of an ASGI application, without a server."""

    def __init__(self, path: str = "/", body: bytes = b"", **headers: str) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"", "headers": raw,
            "http_version": "1.1", "client": ("127.0.0.1", 1), "state": {"abort": self.abort},
        }  # fmt: skip
        self.body: bytes | None = body
        self.sent: list[dict[str, Any]] = []
        self.takes, self.aborted = True, False

    async def receive(self) -> dict[str, Any]:
        if self.aborted:
            return {"type": "http.disconnect"}
        if self.body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Any) -> None:
        if not self.takes:
            await asyncio.Event().wait()
        self.sent.append(message)

    def abort(self) -> None:
        self.aborted = True

    async def run(self, app: Any) -> Exchange:
        async with asyncio.timeout(SOON):
            await app(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def content(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read(), b"!"]


def test_a_body_is_read_before_a_thread_is_taken_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(wire, "BODY_SECONDS", 0.1)

    async def ask() -> None:
        app = Threads(echo)
        came = await Exchange(body=b"abc", **{"content-length": "3"}).run(app)
        assert (came.status, came.content) == (200, b"abc!")
        late = Exchange(**{"content-length": "3"})
        late.body = None
        await late.run(app)
        assert late.status == 400
        assert json.loads(late.content)["error"]["code"] == "INVALID_REQUEST"
        assert (b"connection", b"close") in late.sent[0]["headers"]

    asyncio.run(ask())


def test_who_does_not_take_the_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(wire, "STALL_SECONDS", 0.1)

    async def ask() -> None:
        stuck = Exchange()
        stuck.takes = False
        await stuck.run(Threads(echo))
        assert stuck.aborted

    asyncio.run(ask())


@pytest.mark.parametrize("last", [b"keep-alive", b"close"])
@pytest.mark.parametrize("size", [200_000, 20_000_000])
def test_a_socket_that_takes_nothing_is_gone_after_a_time(monkeypatch, last, size):
    monkeypatch.setattr(wire, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(http_protocol, "LAST_BYTES_SECONDS", 0.3)

    def much(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(size))])
        return [b"x" * size]

    async def ask() -> None:
        config = uvicorn.Config(
            Threads(much), http=http_protocol.Bounded, log_config=None, lifespan="off",
            timeout_keep_alive=1,
        )  # fmt: skip
        config.load()
        server = uvicorn.Server(config)
        here = socket.socket()
        here.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[here]))
        while not server.started:
            await asyncio.sleep(0.01)
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            one.connect(here.getsockname())
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: " + last + b"\r\n\r\n")
            await asyncio.sleep(0.1)
            async with asyncio.timeout(SOON):
                while server.server_state.connections:
                    await asyncio.sleep(0.02)
        server.should_exit = True
        await serving

    asyncio.run(ask())


def test_what_is_urgent_is_answered_while_every_thread_is_busy():
    go = threading.Event()

    def busy(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            go.wait(30)
        return echo(environ, start_response)

    async def ask() -> None:
        app = Threads(busy)
        slow = [asyncio.create_task(Exchange("/slow").run(app)) for _ in range(20)]
        try:
            await asyncio.sleep(0.1)
            accounts = ("/ui/accounts", "/ui/accounts/an-account", "/ui/accounts/an-account/kill")
            desk = ("/ui/runs/a-run/stop", "/static/ui/ui.css", "/static/ui/theme.js", *accounts)
            for path in (f"{API}/health", KILL, f"{API}/run/stop", *desk):
                assert (await Exchange(path).run(app)).status == 200
            for path in ("/else", "/ui/accounts/an-account/balances"):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await Exchange(path).run(app)
        finally:
            go.set()
            await asyncio.gather(*slow)

    asyncio.run(ask())


# --- headers that pretend --------------------------------------------------------------------


@pytest.mark.process
def test_a_header_with_an_underscore_is_no_other_header(guarded):
    headers = PROXIED | {
        "Cookie": f"__Host-csrftoken={TOKEN}", "Referer": "https://127.0.0.1/admin/login/",
        "Host": "127.0.0.1",
    }  # fmt: skip
    form = {"username": "root", "password": "x", "csrfmiddlewaretoken": TOKEN}
    answers = [
        httpx.post(
            f"http://127.0.0.1:{guarded.port}/admin/login/",
            data=form,
            headers=headers | {"X_Forwarded_For": f"198.51.100.{number}"},
        ).status_code
        for number in range(6)
    ]
    assert answers[:4] == [200] * 4
    assert answers[4:] == [429] * 2


@pytest.mark.process
def test_behind_tls_a_websocket_must_have_come_over_it(guarded):
    key = make_key(guarded, "tls")
    for headers in ({}, {"X-Forwarded-Proto": "http"}, {"X_Forwarded_Proto": "https"}):
        for path in ("/ws", f"{API}/ws/status"):
            with pytest.raises(InvalidStatus) as refused:
                guarded.connect(path, additional_headers=key | headers)
            assert refused.value.response.status_code == 403
            assert b"PERMISSION_DENIED" in refused.value.response.body
    with guarded.connect(additional_headers=key | PROXIED) as ws:
        assert ws.ask(action="ping")["type"] == "pong"


def refused_by_the_door(headers: dict[str, str]) -> bool:
    async def ask() -> bool:
        asked = Exchange("/nowhere", **headers)
        asked.scope["scheme"] = "http"
        await asked.run(asgi.application)
        return asked.status == 403 and b"PERMISSION_DENIED" in asked.content

    return asyncio.run(ask())


# The application's threads may hold a connection still that an earlier test opened.
@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["x-forwarded-for", "X-Forwarded-For", "forwarded", "x_forwarded_for"]
)
def test_an_address_that_another_server_took_from_a_header_is_not_believed(settings, name):
    assert not refused_by_the_door({"host": "localhost"})
    forged = {"host": "localhost", name: "127.0.0.1"}
    assert refused_by_the_door(forged)
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    # The header names the connection's address: it may have made it.
    assert refused_by_the_door(forged)
    assert not refused_by_the_door({"host": "localhost", name: "203.0.113.9"})


def test_an_address_from_a_header_is_not_believed_by_any_server():
    served = doors.keep_wsgi(echo)
    environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}
    statuses: list[str] = []
    served(environ, lambda status, headers: statuses.append(status))
    assert statuses == ["403 Forbidden"]


def test_who_may_ask_is_told_which_hosts_are_served_and_a_stranger_is_not(client, settings):
    def ask() -> dict[str, Any]:
        answer = client.get(f"{API}/health", headers={"host": "evil.example"})
        return dict(error(answer, 400, "INVALID_REQUEST"))

    assert ask()["details"] == {"allowed_hosts": configured.ALLOWED_HOSTS}
    settings.AUTH = True
    assert "allowed_hosts" not in json.dumps(ask())


def test_static_files_have_the_policy_too(client):
    answer = client.get(BUNDLE)
    answer.close()
    assert answer.status_code == 200
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "camera=()" in answer["Permissions-Policy"]
    assert "Access-Control-Allow-Origin" not in answer


# --- the many --------------------------------------------------------------------------------


@pytest.mark.process
def test_no_key_takes_all_places(guarded):
    greedy, other = (make_key(guarded, name) | PROXIED for name in ("greedy", "other"))
    with contextlib.ExitStack() as held:
        for _ in range(2):
            held.enter_context(guarded.connect(additional_headers=greedy))
        with pytest.raises(InvalidStatus) as refused:
            guarded.connect(additional_headers=greedy)
        assert refused.value.response.status_code == 429
        said = json.loads(refused.value.response.body)["error"]
        assert said["code"] == "TOO_MANY_CONNECTIONS"
        assert said["details"]["maximum"] == 2
        held.enter_context(guarded.connect(additional_headers=other))


def test_a_share_is_given_back(settings):
    settings.WS_CONNECTIONS = 8
    hub = Hub()
    for _ in range(3):
        for whose in ("key:a", "key:a", "key:b"):
            hub.take_share(whose)
        with pytest.raises(Busy):
            hub.take_share("key:a")
        for whose in ("key:a", "key:a", "key:b"):
            hub.free_share(whose)
    for _ in range(8):
        hub.take_share(None)


# --- the database ----------------------------------------------------------------------------


@contextlib.contextmanager
def being_written(record: ApiKey) -> Iterator[None]:
    """Somebody else writes: to SQLite at all, to PostgreSQL that row."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = connection.copy()
        other.set_autocommit(False)
        other.cursor().execute(f"SELECT * FROM {record._meta.db_table} FOR UPDATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@pytest.mark.django_db(transaction=True)
def test_a_key_is_checked_while_the_database_is_being_written():
    record, text = keys.create("bot", ["read"], "command")
    with being_written(record):
        began = time.monotonic()
        for _ in range(3):
            caller = keys.check(text)
            assert caller is not None
            assert caller.name == "bot"
        assert time.monotonic() - began < 10
    assert ApiKey.objects.get(pk=record.pk).last_used_at is None
    keys.check(text)
    assert ApiKey.objects.get(pk=record.pk).last_used_at is not None
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        # Whoever writes next waits again.
        assert patience >= 5000


# --- the log ---------------------------------------------------------------------------------


@pytest.mark.process
def test_every_line_of_the_servers_log_has_our_form(guarded):
    with contextlib.closing(guarded.socket()) as one:
        one.sendall(b"nonsense\r\n\r\n")
        assert one.recv(100).startswith(b"HTTP/1.1 400")
    with pytest.raises(InvalidStatus):
        guarded.connect(additional_headers=PROXIED)
    lines = guarded.log.read_text().splitlines()
    assert any("Invalid HTTP request" in line for line in lines)
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w.]+ \[\d+\] ")
    assert [line for line in lines if not form.match(line)] == []
    assert not [line for line in lines if "without completing handshake" in line]


@pytest.mark.parametrize("kind", ["websocket.send", "websocket.close"])
def test_what_is_sent_behind_a_goodbye_is_a_lost_client_and_no_fault(kind):
    connection = Bounded.__new__(Bounded)
    connection.handshake_complete, connection.initial_response = True, None
    connection.close_sent = True
    with pytest.raises(OSError):
        asyncio.run(connection.send({"type": kind}))
