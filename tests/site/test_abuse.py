"""Hostile requests: each has an answer of its own, of modest size, and none is a 5xx."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from cracktrader_site.api.models import KeptReply
from runs import queries
from runs.models import Run
from tests.site.api import (  # noqa: F401 - fixtures
    API,
    BACKTEST,
    GOOD,
    HUGE,
    LIVE,
    desk,
    error,
    get,
    post,
    start,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("desk")]


# --- what was sent is not what the contract means by JSON -----------------------------------

RAW = {
    "nan": (b'{"initial_cash": NaN}', "INVALID_NUMBER"),
    "infinity": (b'{"initial_cash": -Infinity}', "INVALID_NUMBER"),
    "1e400": (b'{"initial_cash": 1e400}', "INVALID_NUMBER"),
    "1e400 in params": (b'{"strategy_params": {"period": 1e400}}', "INVALID_NUMBER"),
    "nan in params": (b'{"strategy_params": {"a": [NaN]}}', "INVALID_NUMBER"),
    "400 digits": (b'{"initial_cash": ' + b"9" * 400 + b"}", "INVALID_NUMBER"),
    "5000 digits": (b'{"strategy_params": {"a": ' + b"9" * 5000 + b"}}", "INVALID_NUMBER"),
    "surrogate": (b'{"strategy_name": "\\ud800"}', "INVALID_TEXT"),
    "surrogate key": (b'{"\\ud800": 1}', "INVALID_TEXT"),
    "nul": (b'{"exchange": "a\\u0000"}', "INVALID_TEXT"),
    "deep": (b"[" * 100_000, "JSON_TOO_DEEP"),
    "deep and closed": (
        b'{"strategy_params":' + b'{"a":' * 90_000 + b"1" + b"}" * 90_001,
        "JSON_TOO_DEEP",
    ),
    "twice": (b'{"exchange": "simulated", "exchange": "binance"}', "DUPLICATE_KEY"),
    "twice in params": (b'{"strategy_params": {"a": 1, "a": 2}}', "DUPLICATE_KEY"),
    "broken": (b'{"exchange": ', "INVALID_JSON"),
    "latin-1": ('{"exchange": "é"}'.encode("latin-1"), "INVALID_JSON"),
    "utf-16": ('{"exchange": "x"}'.encode("utf-16"), "INVALID_JSON"),
    "two values": (b"{} {}", "INVALID_JSON"),
    "list": (b"[]", "INVALID_TYPE"),
    "text": (b'"x"', "INVALID_TYPE"),
    "null": (b"null", "INVALID_TYPE"),
    "number": (b"1", "INVALID_TYPE"),
}


@pytest.mark.parametrize("path", [BACKTEST, LIVE, "/run/stop", "/strategies/BuyAndHold/check"])
@pytest.mark.parametrize(("body", "code"), RAW.values(), ids=RAW.keys())
def test_what_is_not_json_as_we_mean_it_has_a_code_of_its_own(client, path, body, code):
    error(post(client, path, body), 400, code)
    assert Run.objects.count() == 0


@pytest.mark.parametrize("path", [BACKTEST, LIVE])
def test_an_empty_body_names_every_missing_field(client, path):
    found = error(post(client, path, b""), 400, "MISSING_FIELD")
    assert {"strategy_name", "symbols", "timeframe", "exchange"} <= found["details"][
        "fields"
    ].keys()


OTHER_TYPES = [
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain",
    "application/xml", "text/xml", "application/json; charset=latin-1", "",
    "application/json; charset=utf-16", "application/jsonp", "text/json", "x" * 60_000, "é",
]  # fmt: skip


@pytest.mark.parametrize("content_type", OTHER_TYPES, ids=lambda t: t[:40])
def test_any_other_kind_of_body_is_415(client, content_type):
    body = json.dumps(GOOD).encode()
    answer = client.post(API + BACKTEST, body, content_type=content_type)
    error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "Application/JSON"])
def test_json_by_any_of_its_spellings_is_read(client, content_type):
    answer = client.post(API + BACKTEST, json.dumps(GOOD).encode(), content_type=content_type)
    assert answer.status_code == 200


def test_a_compressed_body_is_415(client):
    for coding in ("gzip", "br", "deflate", "x"):
        body = gzip.compress(json.dumps(GOOD).encode())
        error(post(client, BACKTEST, body, content_encoding=coding), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert post(client, BACKTEST, GOOD, content_encoding="identity").status_code == 200


def test_a_body_over_one_mebibyte_is_413(client):
    body = json.dumps(GOOD | {"pad": "x" * 2**20}).encode()
    found = error(post(client, BACKTEST, body), 413, "BODY_TOO_LARGE")
    assert found["details"] == {"max_bytes": 2**20}
    just = b" " * (2**20 - len(json.dumps(GOOD))) + json.dumps(GOOD).encode()
    assert post(client, BACKTEST, just).status_code == 200
    error(post(client, BACKTEST, b" " + just), 413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("length", ["-5", "x", "1e3", "9" * 30, "²"])
def test_a_lying_content_length_is_no_fault_of_ours(client, length):
    answer = client.generic("POST", API + BACKTEST, json.dumps(GOOD), CONTENT_LENGTH=length)
    assert answer.status_code in (400, 413, 415)
    error(answer, answer.status_code)


def test_a_chunked_body_is_asked_for_its_length(client):
    answer = client.generic(
        "POST", API + BACKTEST, "", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"
    )
    error(answer, 400, "LENGTH_REQUIRED")


# --- who asks, and from where ----------------------------------------------------------------

FOREIGN = [
    {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://["}, {"origin": ""},
    {"origin": "http://testserver.evil.example"}, {"origin": "http://testserver:81"},
    {"origin": "http://testserver@evil.example"}, {"origin": "testserver"},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_sites_page_may_ask_for_nothing(client, headers):
    run_id = start(client).json()["run_id"]
    error(post(client, "/run/stop", b"", **headers), 403, "FOREIGN_ORIGIN")
    error(client.delete(f"{API}/run/reset", headers=headers), 403, "FOREIGN_ORIGIN")
    error(post(client, BACKTEST, GOOD, **headers), 403, "FOREIGN_ORIGIN")
    error(client.get(f"{API}/status", headers=headers), 403, "FOREIGN_ORIGIN")
    assert get(client, "/status", run_id=run_id)["status"] == "starting"


def test_a_cookie_makes_no_difference_to_another_sites_page(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root"))
    answer = post(client, "/run/stop", b"", origin="http://evil.example")
    error(answer, 403, "FOREIGN_ORIGIN")
    answer = client.options(f"{API}/run/stop", headers={"origin": "http://evil.example"})
    error(answer, 403, "FOREIGN_ORIGIN")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://testserver"},
        {"origin": "http://testserver", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {},
    ],
    ids=str,
)
def test_our_own_pages_and_plain_clients_may_ask(client, headers):
    assert post(client, "/run/stop", b"", **headers).status_code == 200


def test_a_link_to_the_api_may_be_followed(client):
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get(f"{API}/docs", headers=followed).status_code == 200
    error(post(client, "/run/stop", b"", **followed), 403, "FOREIGN_ORIGIN")


def test_an_operators_trusted_origin_may_ask(client, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://desk.example"]
    assert post(client, "/run/stop", b"", origin="https://desk.example").status_code == 200


HOSTS = ["evil.example", "127.0.0.1.evil.example", "localhost.", "a b", "", "[::1", "é", "x" * 999]


@pytest.mark.parametrize("host", HOSTS, ids=lambda h: h[:20])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_host_that_is_not_ours_is_refused(client, settings, host, method):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    answer = getattr(client, method)(f"{API}/status", HTTP_HOST=host)
    if host == "localhost." and method == "get":
        assert answer.status_code == 200
    elif host == "localhost.":
        error(answer, 405)
    else:
        found = error(answer, 400, "INVALID_REQUEST")
        assert "localhost" in found["details"]["allowed_hosts"]


def test_no_header_turns_one_method_into_another(client):
    run_id = start(client).json()["run_id"]
    for name in ("x-http-method-override", "x-method-override", "x-http-method"):
        assert client.get(f"{API}/status", headers={name: "DELETE"}).status_code == 200
        error(client.get(f"{API}/run/reset", headers={name: "DELETE"}), 405)
        error(client.get(f"{API}/run/stop?_method=POST", headers={name: "POST"}), 405)
    assert get(client, "/status", run_id=run_id)["status"] == "starting"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "X" * 5_000, "get"])
def test_a_strange_method_is_405(client, method):
    answer = client.generic(method, f"{API}/status")
    if method == "get":
        assert answer.status_code in (200, 405)
    else:
        error(answer, 405, "METHOD_NOT_ALLOWED")


# --- paths, queries, cursors -----------------------------------------------------------------

GETS = ["/health", "/status", "/status/detailed", "/results", "/strategies", "/exchanges", "/runs",
        "/strategies/BuyAndHold"]  # fmt: skip


@pytest.mark.parametrize("path", GETS)
def test_an_unknown_query_parameter_is_answered_with_those_there_are(client, path):
    for name in ("x", HUGE, "run_ID", "\x00", "é", "__class__"):
        found = error(client.get(API + path, {name: "1"}), 400, "UNKNOWN_FIELD")
        assert {"valid_parameters", "valid_fields"} & found["details"].keys()


@pytest.mark.parametrize(
    ("path", "method"),
    [(BACKTEST, "post"), (LIVE, "post"), ("/run/stop", "post"), ("/run/reset", "delete")],
)
def test_an_unknown_query_parameter_of_a_write_is_refused_too(client, path, method):
    answer = client.generic(
        method.upper(), f"{API}{path}?dry_run=1", json.dumps(GOOD), "application/json"
    )
    error(answer, 400, "UNKNOWN_FIELD")
    assert Run.objects.count() == 0


ODD = ["%00", "%ED%A0%80", "%FF", "%F0%9F%98%80", "..", "%2e%2e%2f", "a" * 50_000, "'", "%0d%0a",
       "<script>", "{}", "%25s", "-1", "\u0663", "\u202e"]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda o: ascii(o)[:20])
def test_odd_names_in_paths_are_not_found(client, odd):
    for path in (f"/runs/{odd}", f"/runs/{odd}/trades", f"/strategies/{odd}", f"/{odd}",
                 f"/runs/{odd}/artifacts/{odd}"):  # fmt: skip
        error(client.get(API + path), 404)
    error(post(client, f"/strategies/{odd}/check", {}), 404)


@pytest.mark.parametrize("odd", ODD, ids=lambda o: ascii(o)[:20])
def test_odd_values_in_queries_are_refused_or_find_nothing(client, odd):
    for path, name in [("/runs", "cursor"), ("/runs", "limit"), ("/runs", "status"),
                       ("/runs", "order"), ("/runs", "symbol"), ("/exchanges", "all")]:  # fmt: skip
        error(client.get(f"{API}{path}?{name}={odd}"), 400)
    for name in ("strategy_name", "exchange"):
        answer = client.get(f"{API}/runs?{name}={odd}")
        if answer.status_code == 200:
            assert answer.json()["runs"] == []
        else:
            error(answer, 400, "INVALID_TEXT")
    for path in ("/status", "/status/detailed", "/results"):
        answer = client.get(f"{API}{path}?run_id={odd}")
        error(answer, 400 if odd == "%00" else 404)


def cursor(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


CURSORS = [
    cursor(v)
    for v in (
        b"", b"\xff", b"nul", b"NaN", [], {}, 1, None, "x", ["-id"], ["-id", None], ["-id", "1"],
        ["-id", True], ["-id", 1.5], ["-id", -1], ["-id", 2**63], ["-id", 10**30], ["-id", 1, 2],
        ["id", 1], ["-total_return", "-id", 0.1, 1], ["-id", [1]], ["-id", {"a": 1}],
        [["-id"], 1], b'["-id",1e400]', b'["-id",' + b"9" * 500 + b"]", b"[" * 140,
    )
] + ["x", "=", "====", "a" * 201, "cD0x", "bz0xMDAwMDAwMDAwMA==", "é", " ", "1"]  # fmt: skip


@pytest.mark.parametrize("value", CURSORS, ids=lambda c: c[:30])
def test_a_cursor_of_another_make_is_refused(client, value):
    error(client.get(f"{API}/runs", {"cursor": value}), 400, "INVALID_CURSOR")


NUMBERS_IN_QUERIES = ["", "-1", "1.5", "1e3", "0x1", " 1", "+1", "\u0663", "\u00b2", "9" * 30,
                      "9" * 5000, "000000000001" + "9" * 30, "null", "true"]  # fmt: skip


@pytest.mark.parametrize("value", NUMBERS_IN_QUERIES, ids=lambda v: v[:20])
def test_a_number_in_a_query_is_digits_within_bounds(client, value):
    run_id = start(client).json()["run_id"]
    error(client.get(f"{API}/runs", {"limit": value}), 400, "INVALID_VALUE")
    for page in ("trades", "orders", "equity", "events"):
        error(client.get(f"{API}/runs/{run_id}/{page}", {"limit": value}), 400, "INVALID_VALUE")
        name = "since" if page == "events" else "cursor"
        answer = client.get(f"{API}/runs/{run_id}/{page}", {name: value})
        error(answer, 400, "INVALID_VALUE" if page == "events" else "INVALID_CURSOR")


def test_a_parameter_given_twice_is_refused(client):
    for path in ("/runs?limit=1&limit=2", "/status?run_id=a&run_id=b", "/exchanges?all=true&all=1"):
        error(client.get(API + path), 400)


def test_a_very_long_query_is_answered(client):
    error(client.get(f"{API}/runs", {f"k{i}": "v" for i in range(900)}), 400, "UNKNOWN_FIELD")
    error(client.get(f"{API}/runs", {f"k{i}": "v" for i in range(5_000)}), 400)


# --- the same start twice --------------------------------------------------------------------


def test_one_idempotency_key_starts_one_run(client):
    first = post(client, BACKTEST, GOOD, idempotency_key="a-1")
    Run.objects.update(status=Run.Status.COMPLETED)
    again = post(client, BACKTEST, GOOD, idempotency_key="a-1")
    assert (again.status_code, again.content) == (200, first.content)
    assert Run.objects.count() == 1
    found = error(
        post(client, BACKTEST, GOOD | {"fee": 0.01}, idempotency_key="a-1"),
        400,
        "IDEMPOTENCY_MISMATCH",
    )
    assert found["details"]["run_id"] == first.json()["run_id"]
    other = post(client, BACKTEST, GOOD, idempotency_key="a-2")
    assert other.json()["run_id"] != first.json()["run_id"]
    assert post(client, BACKTEST, GOOD).json()["run_id"] != other.json()["run_id"]
    assert Run.objects.count() == 3


def test_the_same_start_sent_at_once_is_one_run(client, monkeypatch):
    first = post(client, BACKTEST, GOOD, idempotency_key="k")
    look, looks = queries.run_by_key, []

    def too_early(*args: str) -> Run | None:
        looks.append(args)
        return None if len(looks) == 1 else look(*args)

    # As for a second server that did not see the ledger's row either.
    KeptReply.objects.all().delete()
    monkeypatch.setattr(queries, "run_by_key", too_early)
    again = post(client, BACKTEST, GOOD, idempotency_key="k")
    assert (again.status_code, again.content) == (200, first.content)
    assert len(looks) == 2
    assert Run.objects.count() == 1


@pytest.mark.parametrize("key", ["", "é", "a\tb", "x" * 256, "\x7f"])
def test_an_idempotency_key_is_short_and_printable(client, key):
    error(post(client, BACKTEST, GOOD, idempotency_key=key), 400, "INVALID_VALUE")
