"""The API's rate limits: who is counted, under what, and what a refused request is told."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.contrib.auth.models import User
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client
from rest_framework.request import Request
from websockets.exceptions import InvalidStatus

from cracktrader_site.api import keys
from cracktrader_site.api.throttling import counting
from cracktrader_site.api.throttling.buckets import ALLOWANCE
from cracktrader_site.api.throttling.counting import HEADERS
from cracktrader_site.api.throttling.fail_open import FailOpen
from cracktrader_site.api.throttling.file_store import FileStore
from cracktrader_site.api.throttling.sliding_log import StoreFailed
from runs.examples import PAPER_BODY
from tests import migrated
from tests.site.api import API, error
from tests.site.rates import Clock
from tests.site.streams import Web

STATUS, HEALTH, STOP = "/status", "/health", "/run/stop"
KILL = "/accounts/00000000-0000-4000-8000-000000000000/kill"
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def limits(settings: Any, tmp_path: Path, clock: Clock, monkeypatch: Any) -> Iterator[Any]:
    """The settings, with limits small enough to meet."""
    settings.RATE_LIMIT, settings.RATE_LIMIT_PAGES = 5, 12
    store = FileStore(tmp_path / "rates.sqlite3", clock)
    ways = FailOpen(store)
    monkeypatch.setattr(counting, "store", lambda url, home: ways)
    yield settings
    store.close()


def make(*scopes: str) -> str:
    name = f"key-{time.monotonic_ns()}"
    return keys.create(name, scopes or keys.SCOPES, "command")[1]


def ask(
    client: Client, path: str, key: str = "", body: Any = None, address: str = "", **headers: str
) -> Any:
    if key:
        headers["Authorization"] = f"Bearer {key}"
    more = {"REMOTE_ADDR": address} if address else {}
    if body is None:
        return client.get(API + path, headers=headers, **more)
    return client.post(API + path, body, content_type="application/json", headers=headers, **more)


def passed(client: Client, times: int, path: str = STATUS, *args: Any, **more: Any) -> int:
    answers = [ask(client, path, *args, **more) for _ in range(times)]
    return sum(answer.status_code != 429 for answer in answers)


@pytest.fixture
def auth(settings: Any) -> None:
    settings.AUTH = True


# --- what is told ---------------------------------------------------------------------------


def test_answers_tell_how_the_caller_stands(db, client, clock):
    for left in (4, 3, 2, 1, 0):
        answer = ask(client, STATUS)
        assert answer.status_code == 200
        assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("5", str(left))
        clock.wait(10)
        assert 59 - (4 - left) * 10 <= int(answer["X-RateLimit-Reset"]) - time.time() <= 62


def test_one_too_many_is_told_when_to_come_back_and_that_is_true(db, client, clock):
    assert passed(client, 5) == 5
    clock.wait(12.5)
    answer = ask(client, STATUS)
    found = error(answer, 429, "RATE_LIMITED")
    seconds = int(answer["Retry-After"])
    assert found["details"] == {
        "limit": 5, "window_seconds": 60, "retry_after_seconds": seconds,
    }  # fmt: skip
    assert seconds == 48
    assert answer["X-RateLimit-Remaining"] == "0"
    assert abs(int(answer["X-RateLimit-Reset"]) - time.time() - seconds) <= 2
    clock.wait(seconds - 1)
    assert passed(client, 1) == 0
    clock.wait(1)
    assert passed(client, 9) == 5


def test_refused_requests_are_not_held_against_anybody(db, client, clock):
    assert passed(client, 50) == 5
    clock.wait(60.001)
    assert passed(client, 50) == 5


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/status?typo=1", 400),
        ("get", "/runs/00000000-0000-4000-8000-000000000000", 404),
        ("put", STATUS, 405),
        ("post", "/run/backtest", 400),
        ("get", "/schema", 200),
        ("get", "/docs", 200),
    ],
)
def test_every_answer_of_a_view_has_the_headers_and_counts(
    db, client, method, path, status, limits
):
    limits.RATE_LIMIT = 2
    content = {"content_type": "application/json", "data": "{"} if method == "post" else {}
    for left in (1, 0):
        answer = getattr(client, method)(API + path, **content)
        assert answer.status_code == status
        assert answer["X-RateLimit-Remaining"] == str(left)
    answer = getattr(client, method)(API + path, **content)
    error(answer, 429, "RATE_LIMITED")
    assert set(HEADERS) <= set(answer.headers)


def test_without_limits_there_are_no_headers_and_nothing_is_counted(db, client, limits, tmp_path):
    limits.RATE_LIMIT = 0
    answers = [ask(client, path) for path in (STATUS, HEALTH, "/docs") for _ in range(3)]
    assert not any(set(HEADERS) & set(answer.headers) for answer in answers)
    assert not (tmp_path / "rates.sqlite3").exists()


def test_requests_pass_without_headers_while_they_cannot_be_counted(db, client, monkeypatch):
    class Broken:
        def hit(self, limits: Any) -> Any:
            raise StoreFailed("the disk is full")

    ways = FailOpen(Broken())
    monkeypatch.setattr(counting, "store", lambda url, home: ways)
    answers = [ask(client, STATUS) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(set(HEADERS) & set(answer.headers) for answer in answers)


# --- who is counted -------------------------------------------------------------------------


def test_keys_are_counted_apart_wherever_they_come_from(auth, db, client):
    one, other = make(), make()
    assert passed(client, 4, key=one, address="203.0.113.1") == 4
    assert passed(client, 4, key=one, address="203.0.113.2") == 1
    assert passed(client, 9, key=other, address="203.0.113.1") == 5


def test_without_keys_addresses_are_counted_and_a_subscribers_as_one(db, client):
    assert passed(client, 9, address="203.0.113.1") == 5
    assert passed(client, 9, address="203.0.113.2") == 5
    network = (f"2001:db8:0:7::{host}" for host in range(1, 10))
    assert sum(passed(client, 1, address=address) for address in network) == 5


def test_an_address_cannot_be_made_up(db, client, limits):
    def with_addresses(count: int, peer: str) -> int:
        return sum(
            passed(client, 1, address=peer, **{"X-Forwarded-For": f"198.51.100.{n}"})
            for n in range(count)
        )

    assert with_addresses(9, "203.0.113.1") == 5
    limits.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.1")]
    assert with_addresses(9, "203.0.113.2") == 5
    assert with_addresses(9, "10.0.0.1") == 9
    said = ({"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.9"} for n in range(9))
    assert sum(passed(client, 1, address="10.0.0.1", **headers) for headers in said) == 5


def test_the_servers_own_pages_and_the_users_scripts_do_not_starve_each_other(db, client):
    assert passed(client, 20, **OURS) == 12
    assert passed(client, 20) == 5
    assert passed(client, 1, **OURS) == 0


def test_with_keys_a_script_cannot_pass_for_a_page(auth, db, client):
    key = make()
    assert passed(client, 20, key=key, **OURS) == 5
    assert passed(client, 20, "/docs", **OURS) == 5


def test_a_monitor_starves_nobody(auth, db, client):
    key = make()
    assert passed(client, ALLOWANCE + 3, HEALTH, key=key) == ALLOWANCE
    assert passed(client, 9, "/redoc") == 5
    assert passed(client, 9, key=key) == 5
    assert passed(client, 1, HEALTH, address="203.0.113.1") == 1


def test_staff_are_counted_by_user_apart_from_keys(auth, db, client):
    users = [User.objects.create_superuser(name, password="x") for name in ("ann", "bob")]
    for user in users:
        client.force_login(user)
        assert passed(client, 20) == 12
    assert passed(client, 9, key=make()) == 5


# --- those not let in -----------------------------------------------------------------------


def test_guesses_are_counted_and_do_not_lock_out_who_has_a_key(auth, db, client):
    key = make()
    guesses = [f"ct_{number:012x}_{'x' * 43}" for number in range(9)]
    answers = [ask(client, STATUS, guess) for guess in guesses]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 4
    assert error(answers[-1], 429)["code"] == "RATE_LIMITED"
    assert "WWW-Authenticate" not in answers[-1]
    assert answers[0]["X-RateLimit-Remaining"] == "4"
    assert ask(client, STATUS).status_code == 429
    assert ask(client, STATUS, address="203.0.113.1").status_code == 401
    assert passed(client, 9, key=key) == 5


def test_faults_of_the_server_are_not_counted(limits):
    request = Request(HttpRequest())
    for _ in range(9):
        fault = OperationalError("disk I/O error")
        assert counting.counted_error(fault, request) is fault


def test_what_a_key_may_not_do_counts_against_the_key(auth, db, client):
    reader, other = make("read"), make("read")
    answers = [ask(client, "/run/backtest", reader, {}) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429] * 2
    assert answers[0]["X-RateLimit-Remaining"] == "4"
    assert passed(client, 1, key=reader) == 0
    assert passed(client, 1, key=other) == 1


# --- scopes ---------------------------------------------------------------------------------


def test_a_scopes_limit_is_an_additional_one(auth, db, client, limits):
    limits.RATE_LIMIT_BACKTEST = 2
    key = make()
    answers = [ask(client, "/run/backtest", key, {}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 429, 429]
    assert [answer["X-RateLimit-Limit"] for answer in answers] == ["2"] * 4
    # The two that were refused are not charged to the key either.
    assert passed(client, 9, key=key) == 3


def test_paper_and_live_starts_are_told_apart_by_what_they_ask_for(auth, db, client, limits):
    limits.RATE_LIMIT, limits.RATE_LIMIT_PAPER, limits.RATE_LIMIT_LIVE = 100, 3, 2
    key = make()

    def starts(times: int, body: Any) -> int:
        return passed(client, times, "/run/live", key, body)

    assert starts(2, {"mode": "paper"}) == 2
    assert starts(2, {}) == 1
    assert starts(4, {"mode": "live"}) == 2
    for wrong in ({"mode": "dream"}, {"mode": {}}, {"mode": ["live"]}, b"[1]", b"{", b"\xff"):
        assert starts(5, wrong) == 5
    # Stopping is no start.
    assert passed(client, 20, STOP, key, {}) == 20
    assert passed(client, 4, "/orders", key, {}) == 0


def test_a_body_read_for_its_scope_meets_the_view_as_it_came(auth, db, client, limits):
    limits.RATE_LIMIT, limits.RATE_LIMIT_PAPER = 100, 50
    key = make()
    for body, code in (
        (b"{", "INVALID_JSON"),
        (b'{"mode": "paper", "mode": "live"}', "DUPLICATE_KEY"),
        (b'{"mode": "paper"}', "MISSING_FIELD"),
        (json.dumps(PAPER_BODY | {"fee": -1}), "INVALID_VALUE"),
    ):
        assert error(ask(client, "/run/live", key, body), 400)["code"] == code


# --- the kill switch ------------------------------------------------------------------------


def test_the_kill_switch_is_never_waited_for(auth, db, client, limits):
    limits.RATE_LIMIT, limits.RATE_LIMIT_LIVE = 1, 1
    key = make()
    assert passed(client, 3, key=key) == 1
    assert passed(client, 3, "/orders", key, {}) == 0
    answers = [ask(client, KILL, key, {}) for _ in range(ALLOWANCE + 1)]
    assert [answer.status_code for answer in answers] == [404] * ALLOWANCE + [429]
    assert passed(client, 1, KILL.replace("kill", "release"), key, {}) == 0


# --- the schema -----------------------------------------------------------------------------


def test_the_schema_tells_of_limits_at_every_operation(db, client, limits):
    limits.RATE_LIMIT = 0
    schema = yaml.safe_load(ask(client, "/schema").content)
    assert schema["components"]["headers"].keys() >= {*HEADERS, "Retry-After"}
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert len(operations) > 30
    for operation in operations:
        assert "RATE_LIMITED" in operation["responses"]["429"]["description"]
        assert "Retry-After" in operation["responses"]["429"]["headers"]
        assert all(
            answer["headers"].keys() >= {*HEADERS} for answer in operation["responses"].values()
        )


# --- real servers ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, Web]]:
    """Two web servers of one desk."""
    home = tmp_path_factory.mktemp("desk")
    on = {"CRACKTRADER_RATE_LIMIT": "100", "CRACKTRADER_AUTH": "1"}
    one, other = Web(home, **on), Web(home, **on)
    if "DATABASE_URL" not in one.env:
        migrated.copy_to(home / migrated.DATABASE)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Web.start, (one, other)))
    try:
        yield one, other
    finally:
        one.__exit__()
        other.__exit__()


def new_key(web: Web) -> str:
    code = """
from cracktrader_site.api import keys
print(json.dumps(keys.create(sys.argv[1], keys.SCOPES, "command")[1]))
"""
    return str(web.tell(code, f"key-{time.monotonic_ns()}"))


@pytest.mark.process
def test_of_640_requests_to_two_servers_exactly_100_pass(servers):
    key = new_key(servers[0])

    def work(number: int) -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(headers=headers, timeout=30) as client:
            urls = [f"http://127.0.0.1:{web.port}{API}{STATUS}" for web in servers]
            return [client.get(urls[(number + turn) % 2]) for turn in range(80)]

    began = time.monotonic()
    with ThreadPoolExecutor(8) as clients:
        answers = [answer for some in clients.map(work, range(8)) for answer in some]
    assert time.monotonic() - began < 59
    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(429)) == (100, 540)
    left = sorted(int(answer.headers["X-RateLimit-Remaining"]) for answer in answers)
    assert left == [0] * 540 + list(range(100))
    assert all(1 <= int(a.headers["Retry-After"]) <= 60 for a in answers if a.status_code == 429)


@pytest.mark.process
def test_handshakes_are_counted_beside_requests(servers):
    one, other = servers
    headers = {"Authorization": f"Bearer {new_key(one)}"}
    for number in range(100):
        with servers[number % 2].connect("/ws", additional_headers=headers):
            pass
    for web in servers:
        with pytest.raises(InvalidStatus) as refused:
            web.connect("/ws", additional_headers=headers)
        answer = refused.value.response
        assert answer.status_code == 429
        found = json.loads(answer.body)["error"]
        assert found["code"] == "RATE_LIMITED"
        seconds = found["details"]["retry_after_seconds"]
        assert answer.headers["Retry-After"] == str(seconds)
        assert 1 <= seconds <= 60
        url = f"http://127.0.0.1:{web.port}{API}{STATUS}"
        assert httpx.get(url, headers=headers).status_code == 200
    codes = []
    for _ in range(103):
        with pytest.raises(InvalidStatus) as refused:
            other.connect("/ws")
        codes.append(refused.value.response.status_code)
    assert set(codes) == {401, 429}
    assert codes == sorted(codes)
