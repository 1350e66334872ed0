"""Keys: who is let in, what each may do, whose runs it sees, and that none is ever given away."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.test import Client
from django.urls import path as route
from django.utils import timezone
from django.views.debug import ExceptionReporter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from websockets.exceptions import InvalidStatus

from cracktrader_site.api import authentication, keys
from cracktrader_site.api import urls as api_urls
from cracktrader_site.api.keys import SCOPES
from cracktrader_site.api.models import ApiKey, AuditEntry
from cracktrader_site.api.permissions import HasScope, declared_scopes, needed_scopes
from cracktrader_site.api.schema import ERROR_CODES
from exchanges import audit
from exchanges.domain import InvalidInput
from runs import asking
from runs.examples import BACKTEST_BODY, PAPER_BODY
from runs.models import Run
from tests.runs.factory import make_run
from tests.site import sinks
from tests.site.api import API, desk, error, tables_with  # noqa: F401 - fixtures
from tests.site.streams import Web

GOOD = BACKTEST_BODY | {"exchange": "simulated"}
PAPER = PAPER_BODY | {"exchange": "simulated", "initial_cash": 1000.0}
PUBLIC = {"health", "schema", "docs", "redoc"}
UNKNOWN_RUN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def auth(settings: Any, db: None) -> None:
    settings.AUTH = True


def make(*scopes: str, name: str = "", **fields: Any) -> str:
    """A key, as its holder has it."""
    name = name or f"key-{ApiKey.objects.count()}"
    _, text = keys.create(name, scopes or SCOPES, "command")
    if fields:
        ApiKey.objects.filter(name=name).update(**fields)
    return text


def prefix(key: str) -> str:
    return key.split("_")[1]


def secret(key: str) -> str:
    return key.split("_", 2)[2]


def ask(client: Client, path: str, key: str | None, method: str = "GET", body: Any = None) -> Any:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    content = b"" if body is None else json.dumps(body).encode()
    return client.generic(
        method, API + path, content, content_type="application/json", headers=headers
    )


# --- every endpoint --------------------------------------------------------------------------


def endpoints(patterns: Any) -> Iterator[tuple[str, str, Any]]:
    """(path, method, view set to its action) of everything that is served."""
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from endpoints(pattern.url_patterns)
            continue
        path = simplify_regex(str(pattern.pattern))
        view_class = getattr(pattern.callback, "cls", None)
        assert view_class is not None, f"{path} is no view of the API's"
        kwargs = getattr(pattern.callback, "initkwargs", {})
        actions = getattr(pattern.callback, "actions", None) or {
            method: None for method in view_class.http_method_names if hasattr(view_class, method)
        }
        for method, action in actions.items():
            if method == "options":
                continue
            view = view_class(**kwargs)
            view.action = action
            yield path, method.upper(), view


def wants_no_key(view: Any) -> bool:
    return HasScope not in view.permission_classes


def undeclared(patterns: Any) -> list[str]:
    """What changes something and does not say which scope that needs, or asks for no key."""
    found = []
    for path, method, view in endpoints(patterns):
        if path.strip("/") in PUBLIC:
            continue
        declared = declared_scopes(view, method)
        known = declared is None or (declared and set(declared) <= set(SCOPES))
        said = method in ("GET", "HEAD") or declared is not None
        names = {"GET", "POST", "PUT", "PATCH", "DELETE"}
        meant = all(n in names or hasattr(view, n) for n in getattr(view, "scopes", {}))
        asked = authentication.BearerKey in view.authentication_classes
        if not (known and said and meant and asked) or wants_no_key(view):
            found.append(f"{method} {path}")
    return found


ALL = list(endpoints(api_urls.urlpatterns))
GUARDED = [e for e in ALL if not wants_no_key(e[2])]
IDS = [f"{method} {path}" for path, method, _ in GUARDED]


def test_every_method_of_every_view_has_a_scope():
    assert undeclared(api_urls.urlpatterns) == []
    assert {path.strip("/") for path, _, view in ALL if wants_no_key(view)} == PUBLIC


def test_a_forgotten_scope_would_be_found():
    def answer(self: Any, request: Any) -> Response:
        return Response({})

    def listed(**more: Any) -> list[str]:
        made = type("Made", (APIView,), {"post": answer, "get": answer} | more)
        return undeclared([route("orders", made.as_view())])

    assert listed(required_scope="live") == []
    assert listed(scopes={"POST": ("paper", "live")}) == []
    assert listed() == ["POST /orders"]
    assert listed(scopes={"POST": "trade"}) == ["POST /orders"]
    assert listed(required_scope=()) == ["GET /orders", "POST /orders"]
    assert listed(scopes={"POST": "live", "psot": "live"}) == ["GET /orders", "POST /orders"]
    assert listed(required_scope="live", permission_classes=()) == ["GET /orders", "POST /orders"]
    assert listed(required_scope="live", authentication_classes=()) == [
        "GET /orders",
        "POST /orders",
    ]


def test_what_is_forgotten_is_shut():
    assert needed_scopes(APIView(), "GET") == ("read",)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert needed_scopes(APIView(), method) == ("live",)
    view = APIView()
    view.scopes = {"GET": "live"}
    assert needed_scopes(view, "HEAD") == ("live",)


def test_the_scopes_are_the_documented_ones():
    modes = ("backtest", "paper", "live")
    assert {
        f"{method} {path}": needed_scopes(view, method)
        for path, method, view in GUARDED
        if method not in ("GET", "HEAD") and path.startswith(("/run/", "/strategies", "/sweeps"))
    } == {
        "POST /run/backtest": ("backtest",),
        "POST /run/live": ("paper", "live"),
        "POST /run/sweep": ("backtest",),
        "POST /run/stop": modes,
        "DELETE /run/reset": modes,
        "POST /strategies/<name>/check": ("read", "backtest"),
        "DELETE /sweeps/<sweep_id>": ("backtest",),
        "POST /sweeps/<sweep_id>/stop": ("backtest",),
        "POST /sweeps/<sweep_id>/trials/<number>/run": ("backtest", "paper"),
    }


@pytest.mark.usefixtures("auth")
@pytest.mark.parametrize(("path", "method", "view"), GUARDED, ids=IDS)
def test_each_endpoint_wants_a_key_with_one_of_its_scopes(client, path, method, view):
    samples = {"run_id": UNKNOWN_RUN, "name": "nope"}
    path = re.sub(r"<(\w+)>", lambda found: samples.get(found[1], "1"), path)
    needed = needed_scopes(view, method)
    answer = ask(client, path, None, method)
    error(answer, 401, "NOT_AUTHENTICATED")
    assert answer["WWW-Authenticate"] == "Bearer"
    others = [scope for scope in SCOPES if scope not in needed]
    if others:
        found = error(ask(client, path, make(*others), method), 403, "PERMISSION_DENIED")
        assert found["details"] == {"needed": list(needed), "scopes": sorted(others)}
    for scope in needed:
        allowed = ask(client, path, make(scope), method)
        assert allowed.status_code in (200, 400, 404), allowed.content


@pytest.mark.usefixtures("auth", "desk")
def test_health_and_the_schema_are_for_everybody(client):
    for key in (None, "nonsense", make("live")):
        for path in ("/health", "/schema", "/docs", "/redoc"):
            assert ask(client, path, key).status_code == 200, path


@pytest.mark.usefixtures("auth")
def test_a_method_that_is_not_served_is_405_whatever_the_key_may(client):
    key = make("read")
    for path, method in (("/status", "PUT"), ("/run/stop", "GET"), ("/runs", "OPTIONS")):
        error(ask(client, path, key, method), 405, "METHOD_NOT_ALLOWED")
        error(ask(client, path, None, method), 401, "NOT_AUTHENTICATED")


# --- which keys are keys ---------------------------------------------------------------------


@pytest.mark.usefixtures("auth")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "])
def test_the_scheme_is_read_as_http_means_it(client, scheme):
    answer = client.get(f"{API}/status", headers={"Authorization": f"{scheme} {make('read')}"})
    assert answer.status_code == 200


def hostile(key: str) -> list[str]:
    arabic = "\u0660" * 12
    altered = "A" if key[-5] != "A" else "B"
    return [
        "", " ", "Bearer", "Bearer ", "Bearer  ", key, f"Basic {key}", f"Token {key}",
        f"Bearer{key}", f"Bearer\t{key}", f"Bearer {key} x", f"Bearer x {key}",
        f"Bearer {key}, Bearer {key}", f"Bearer {key}\0", f"Bearer \0{key}", f"Bearer {key}\n",
        f"Bearer {key}é", f"Bearer {key}\ud800", f"Bearer {key.upper()}",
        f"Bearer {key[:-1]}", f"Bearer {key}A", f"Bearer {key[:-5]}{altered}{key[-4:]}",
        f"Bearer ct_{prefix(key)}_", f"Bearer ct__{secret(key)}", "Bearer ct_", "Bearer ct__",
        f"Bearer ct_{'0' * 12}_{secret(key)}", f"Bearer ct_{prefix(key)}_{'A' * 43}",
        f"Bearer ct_{arabic}_{secret(key)}", f"Bearer {'x' * 10_000}",
        f"Bearer {key}{' ' * 10_000}x", "é" * 10_000, "\0" * 100, "Bearer ' OR 1=1 --",
        f"Bearer {hashlib.sha256(secret(key).encode()).hexdigest()}",
        f"Bearer ct_{prefix(key)}_{hashlib.sha256(secret(key).encode()).hexdigest()[:43]}",
    ]  # fmt: skip


@pytest.mark.usefixtures("auth")
def test_what_is_not_the_key_is_401_and_said_without_repeating_it(client):
    key = make()
    assert ask(client, "/status", key).status_code == 200
    for header in hostile(key):
        answer = client.get(f"{API}/status", headers={"Authorization": header})
        found = error(answer, 401, "NOT_AUTHENTICATED")
        assert answer["WWW-Authenticate"] == "Bearer"
        assert secret(key) not in answer.content.decode()
        assert found["details"] == {}


@pytest.mark.usefixtures("auth")
def test_a_key_in_the_query_or_the_body_or_a_cookie_is_no_key(client):
    key = make()
    for name in ("key", "api_key", "token", "access_token", "Authorization"):
        error(client.get(f"{API}/status", {name: key}), 401, "NOT_AUTHENTICATED")
        refused = error(ask(client, f"/status?{name}={key}", key), 400, "UNKNOWN_FIELD")
        assert secret(key) not in json.dumps(refused)
        error(ask(client, "/run/stop", None, "POST", {name: key}), 401, "NOT_AUTHENTICATED")
    client.cookies["Authorization"] = f"Bearer {key}"
    error(client.get(f"{API}/status"), 401, "NOT_AUTHENTICATED")


@pytest.mark.usefixtures("auth")
def test_expired_and_revoked_keys_are_no_keys_any_more(client):
    now = timezone.now()
    assert ask(client, "/status", make(expires_at=now + timedelta(hours=1))).status_code == 200
    for ended in ({"expires_at": now - timedelta(seconds=1)}, {"revoked_at": now}):
        error(ask(client, "/status", make(**ended)), 401, "NOT_AUTHENTICATED")
    key = make(name="ended")
    assert keys.revoke(ApiKey.objects.get(name="ended"), "command") is True
    error(ask(client, "/status", key), 401, "NOT_AUTHENTICATED")
    assert keys.revoke(ApiKey.objects.get(name="ended"), "command") is False


@pytest.mark.usefixtures("auth")
def test_a_key_that_does_not_exist_costs_the_same_comparison(client, monkeypatch):
    key, compared = make(), []
    really = keys.hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return really(one, other)

    monkeypatch.setattr(keys.hmac, "compare_digest", compare)
    unknown = f"ct_{'0' * 12}_{secret(key)}"
    wrong = f"ct_{prefix(key)}_{'A' * 43}"
    for presented, status in ((key, 200), (unknown, 401), (wrong, 401)):
        assert ask(client, "/status", presented).status_code == status
    assert compared == [(64, 64)] * 3


@pytest.mark.usefixtures("auth")
def test_the_last_use_is_noted_at_most_once_a_minute(client):
    key = make("read", name="used")
    record = ApiKey.objects.filter(name="used")
    assert record.get().last_used_at is None
    ask(client, "/status", key)
    assert timezone.now() - record.get().last_used_at < timedelta(seconds=10)
    for ago, noted in ((timedelta(seconds=30), False), (timedelta(seconds=61), True)):
        before = timezone.now() - ago
        record.update(last_used_at=before)
        ask(client, "/status", key)
        assert (record.get().last_used_at != before) is noted
    # A refused key is not used.
    record.update(last_used_at=None, revoked_at=timezone.now())
    ask(client, "/status", key)
    assert record.get().last_used_at is None


@pytest.mark.django_db
def test_while_it_is_off_the_header_is_ignored(client):
    run = make_run(status="completed", owner="somebody")
    for header in ("Bearer nonsense", f"Bearer {make('live')}", "\0"):
        answer = client.get(f"{API}/runs/{run.public_id}", headers={"Authorization": header})
        assert answer.status_code == 200
    assert ApiKey.objects.filter(last_used_at=None).count() == 1


# --- what a key may do -----------------------------------------------------------------------


def request_of(auth: Any) -> Any:
    request = Request(HttpRequest())
    request.auth = auth
    return request


def test_live_is_not_among_the_scopes_while_authentication_is_off(settings):
    live = keys.Caller("bot", "abc", frozenset({"live"}))
    assert asking.scopes_of(request_of(None)) == {"read", "backtest", "paper"}
    settings.AUTH = True
    assert asking.scopes_of(request_of(None)) == set()
    assert asking.scopes_of(request_of(live)) == {"live"}
    assert asking.owner_of(request_of(live)) == "abc"


@pytest.mark.usefixtures("auth", "desk")
def test_the_mode_of_a_start_needs_its_own_scope(client):
    paper, live = make("paper"), make("live")
    for key, mode, scopes in ((paper, "live", ["paper"]), (live, "paper", ["live"])):
        answer = ask(client, "/run/live", key, "POST", PAPER | {"mode": mode})
        found = error(answer, 403, "PERMISSION_DENIED")
        assert found["details"] == {"needed": [mode], "scopes": scopes}
    assert Run.objects.count() == 0
    assert ask(client, "/run/live", paper, "POST", PAPER).status_code == 200
    answer = ask(client, "/run/live", live, "POST", PAPER | {"mode": "live"})
    assert json.loads(answer.content).get("error", {}).get("code") != "PERMISSION_DENIED"
    error(ask(client, "/run/live", paper, "POST", {"mode": "nonsense"}), 400)


@pytest.mark.usefixtures("auth")
@pytest.mark.parametrize("mode", ["backtest", "paper", "live"])
def test_stop_and_reset_need_the_scope_of_the_runs_mode(client, mode):
    others = [s for s in ("backtest", "paper", "live") if s != mode]
    lacking = make("read", *others)
    for method, path, status in (("POST", "/run/stop", "starting"), ("DELETE", "/run/reset", "")):
        run = make_run(mode=mode, status=status or "completed", owner=prefix(lacking))
        found = error(ask(client, path, lacking, method), 403, "PERMISSION_DENIED")
        assert found["details"] == {"needed": [mode], "scopes": sorted(["read", *others])}
        assert Run.objects.get(pk=run.pk).status == run.status
        having = make(mode)
        Run.objects.filter(pk=run.pk).update(owner=prefix(having))
        assert ask(client, path, having, method).status_code == 200


# --- whose runs ------------------------------------------------------------------------------


@pytest.mark.usefixtures("auth")
def test_another_keys_run_is_not_there(client):
    mine, theirs = make(), make()
    run_id = str(make_run(status="completed", owner=prefix(mine)).public_id)
    nobodys = str(make_run(status="completed").public_id)
    paths = [f"{path}?run_id={{}}" for path in ("/status", "/status/detailed", "/results")]
    paths += [
        path.replace("<run_id>", "{}").replace("<name>", "trades")
        for path, method, _ in GUARDED
        if method == "GET" and "<run_id>" in path
    ]
    assert len(paths) >= 10
    for path in paths:
        for unseen in (run_id, nobodys):
            code = error(ask(client, path.format(unseen), theirs), 404)["code"]
            assert code == "RUN_NOT_FOUND", path
        seen = ask(client, path.format(run_id), mine)
        assert b"RUN_NOT_FOUND" not in seen.content, path
    for body in ({"run_id": run_id}, {"run_id": nobodys}):
        error(ask(client, "/run/stop", theirs, "POST", body), 404, "RUN_NOT_FOUND")
        query = f"/run/stop?run_id={body['run_id']}"
        error(ask(client, query, theirs, "POST"), 404, "RUN_NOT_FOUND")
    assert ask(client, "/runs", theirs).json()["runs"] == []
    assert [run["run_id"] for run in ask(client, "/runs", mine).json()["runs"]] == [run_id]
    assert ask(client, "/status", theirs).json()["status"] == "idle"
    assert ask(client, "/status", mine).json()["run_id"] == run_id
    assert ask(client, "/run/reset", theirs, "DELETE").status_code == 200
    assert ask(client, "/status", mine).json()["run_id"] == run_id


@pytest.mark.usefixtures("auth", "desk")
def test_a_run_belongs_to_the_key_that_started_it_whatever_the_key_is_called(client):
    key, other = make(name="first"), make()
    answer = client.post(
        f"{API}/run/backtest", GOOD, content_type="application/json",
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "same"},
    )  # fmt: skip
    run_id = answer.json()["run_id"]
    assert Run.objects.get().owner == prefix(key)
    ApiKey.objects.filter(name="first").update(name="renamed")
    assert ask(client, "/status", key).json()["run_id"] == run_id
    twin = client.post(
        f"{API}/run/backtest", GOOD, content_type="application/json",
        headers={"Authorization": f"Bearer {other}", "Idempotency-Key": "same"},
    )  # fmt: skip
    assert twin.json()["run_id"] != run_id


# --- making and ending keys ------------------------------------------------------------------


def command(name: str, *args: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("auth")
def test_create_key_prints_the_key_once_and_alone(client):
    out, err = command("create_key", "bot", "--scopes", "live, read,paper,read", "--expires", "90d")
    assert re.fullmatch(r"ct_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n", out)
    assert "bot" in err
    assert secret(out.strip()) not in err
    key = ApiKey.objects.get()
    assert (key.name, key.scopes) == ("bot", ["read", "paper", "live"])
    assert timedelta(days=89) < key.expires_at - timezone.now() < timedelta(days=91)
    assert key.digest == hashlib.sha256(secret(out.strip()).encode()).hexdigest()
    assert ask(client, "/status", out.strip()).status_code == 200
    out, err = command("create_key", "quiet", "--scopes", "read", "--quiet")
    assert re.fullmatch(r"ct_\w+_[A-Za-z0-9_-]{43}\n", out)
    assert err == ""


@pytest.mark.django_db
def test_create_key_says_that_nobody_is_asked_yet():
    assert "CRACKTRADER_AUTH=1" in command("create_key", "bot", "--scopes", "read")[1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("bot", "--scopes", "read"), "already"),
        (("x", "--scopes", "read,trade"), "trade is no scope"),
        (("x", "--scopes", ","), "needs a scope"),
        (("command", "--scopes", "read"), "name"),
        (("admin:ann", "--scopes", "read"), "name"),
        (("a b", "--scopes", "read"), "name"),
        (("<b>x</b>", "--scopes", "read"), "name"),
        (("x\n", "--scopes", "read"), "name"),
        (("x" * 65, "--scopes", "read"), "name"),
        (("", "--scopes", "read"), "name"),
        (("x", "--scopes", "read", "--expires", "soon"), "90d"),
        (("x", "--scopes", "read", "--expires", "0d"), "90d"),
    ],
)
def test_create_key_refuses_what_makes_no_key(args, said):
    make(name="bot")
    with pytest.raises((CommandError, InvalidInput), match=said):
        command("create_key", *args)
    assert ApiKey.objects.count() == 1


@pytest.mark.django_db
def test_keys_lists_and_revoke_key_ends(settings):
    assert "create_key" in command("keys")[1]
    text = make("read", "paper", name="bot", last_used_at=timezone.now())
    make(name="old", expires_at=timezone.now() - timedelta(days=1))
    listed, _ = command("keys")
    assert secret(text) not in listed
    bot, old = (next(row for row in listed.splitlines() if name in row) for name in ("bot", "old"))
    for word in (prefix(text), "read, paper", "active"):
        assert word in bot
    assert "expired" in old
    assert "revoked" in command("revoke_key", "bot")[0]
    assert ApiKey.objects.get(name="bot").state == "revoked"
    assert "before" in command("revoke_key", "bot")[0]
    assert "revoked" in command("keys")[0]
    with pytest.raises(CommandError, match="no key"):
        command("revoke_key", "nobody")


# --- the audit trail -------------------------------------------------------------------------


@pytest.mark.django_db
def test_making_and_revoking_keys_is_in_the_audit_trail():
    command("create_key", "bot", "--scopes", "read")
    command("revoke_key", "bot")
    command("revoke_key", "bot")
    found = AuditEntry.objects.order_by("id").values_list("who", "action", "target")
    assert list(found) == [
        ("command", "key.created", "bot"),
        ("command", "key.revoked", "bot"),
    ]
    key = ApiKey.objects.get()
    assert AuditEntry.objects.first().detail == {"prefix": key.prefix}
    created = AuditEntry.objects.last().detail
    assert created == {"prefix": key.prefix, "scopes": ["read"], "expires_at": None}


@pytest.mark.django_db
def test_apps_below_write_to_it_by_the_setting_and_with_their_transaction(settings):
    from decimal import Decimal

    audit.record("bot", "account.killed", "binance/main", name="x", amount=Decimal("0.1"), at=1)
    entry = AuditEntry.objects.get()
    assert entry.detail == {"name": "x", "amount": "0.1", "at": 1}
    with transaction.atomic():
        audit.record("bot", "account.freed", "binance/main")
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == 1
    heard: list[Any] = []
    settings.AUDIT_RECORDER = f"{__name__}._listen"
    globals()["_heard"] = heard
    audit.record("bot", "a", "b", c=1)
    assert heard == [(("bot", "a", "b"), {"c": 1})]


def _listen(*args: Any, **detail: Any) -> None:
    globals()["_heard"].append((args, detail))


@pytest.mark.django_db
def test_an_audit_entry_is_never_changed_or_deleted():
    audit.record("bot", "a", "b")
    entry = AuditEntry.objects.get()
    entry.who = "somebody else"
    for change in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        AuditEntry.objects.filter(pk=entry.pk).delete,
        lambda: AuditEntry.objects.update(who="x"),
        lambda: AuditEntry.objects.bulk_update([entry], ["who"]),
        lambda: AuditEntry.objects.update_or_create(pk=entry.pk, defaults={"who": "x"}),
    ):
        with pytest.raises(TypeError, match="never changed"), transaction.atomic():
            change()
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry(pk=entry.pk, who="x", action="a", target="b").save()
    assert AuditEntry.objects.get().who == "bot"


# --- the admin -------------------------------------------------------------------------------


@pytest.fixture
def operator(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ann", password="x"))
    return client


KEYS, AUDIT = "/admin/api/apikey/", "/admin/api/auditentry/"


def test_the_admin_makes_a_key_shows_it_once_and_revokes_it(operator, settings):
    form = {"name": "bot", "scopes": ["paper", "read"], "days": "30"}
    page = operator.post(f"{KEYS}add/", form)
    assert page.status_code == 200
    text = re.search(r"ct_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", page.content.decode())[0]
    assert "no-store" in page["Cache-Control"]
    key = ApiKey.objects.get()
    assert key.scopes == ["read", "paper"]
    assert timedelta(days=29) < key.expires_at - timezone.now() < timedelta(days=31)
    for path in (KEYS, f"{KEYS}{key.pk}/change/", AUDIT, "/admin/"):
        shown = operator.get(path)
        assert shown.status_code == 200
        assert secret(text) not in shown.content.decode()
        assert key.digest not in shown.content.decode()
    settings.AUTH = True
    assert ask(Client(), "/status", text).status_code == 200
    operator.post(KEYS, {"action": "revoke", "_selected_action": [key.pk]})
    error(ask(Client(), "/status", text), 401, "NOT_AUTHENTICATED")
    about_keys = AuditEntry.objects.filter(action__startswith="key.")
    assert set(about_keys.values_list("who", "action")) == {
        ("admin:ann", "key.created"),
        ("admin:ann", "key.revoked"),
    }
    assert tables_with(secret(text)) == []


@pytest.mark.parametrize(
    "form",
    [
        {"name": "a b", "scopes": ["read"]},
        {"name": "command", "scopes": ["read"]},
        {"name": "Desk", "scopes": ["read"]},
        {"name": "bot", "scopes": ["read"]},
        {"name": "new", "scopes": []},
        {"name": "new", "scopes": ["trade"]},
        {"name": "new", "scopes": ["read"], "days": "0"},
        {"name": "new", "scopes": ["read"], "days": "x"},
    ],
)
def test_the_admin_says_what_is_wrong_with_a_key(operator, form):
    make(name="bot")
    page = operator.post(f"{KEYS}add/", form)
    assert page.status_code == 200
    assert page.context["errors"]
    assert ApiKey.objects.count() == 1


def test_nothing_of_a_key_or_an_audit_entry_is_edited_in_the_admin(operator):
    make("read", name="bot")
    key, entry = ApiKey.objects.get(), AuditEntry.objects.get(action="key.created")
    changed = operator.post(f"{KEYS}{key.pk}/change/", {"name": "x", "scopes": ["live"]})
    assert changed.status_code == 403
    for path in (f"{KEYS}{key.pk}/delete/", f"{AUDIT}{entry.pk}/delete/", f"{AUDIT}add/"):
        assert operator.post(path, {"post": "yes"}).status_code == 403
    assert operator.post(f"{AUDIT}{entry.pk}/change/", {"who": "x"}).status_code == 403
    for path in (KEYS, AUDIT):
        chosen = {"action": "delete_selected", "_selected_action": ["1"], "post": "yes"}
        operator.post(path, chosen)
    assert ApiKey.objects.get().scopes == ["read"]
    assert AuditEntry.objects.get(action="key.created").who == "command"


def test_who_may_only_look_does_not_revoke(db, client):
    make(name="bot")
    looker = User.objects.create_user("bob", password="x", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_apikey"))
    client.force_login(looker)
    assert client.get(KEYS).status_code == 200
    assert client.get(f"{KEYS}add/").status_code == 403
    client.post(KEYS, {"action": "revoke", "_selected_action": [ApiKey.objects.get().pk]})
    assert ApiKey.objects.get().state == "active"


# --- nothing is given away -------------------------------------------------------------------


def whole_database() -> bytes:
    if connection.vendor == "sqlite":
        with connection.cursor():
            return "\n".join(connection.connection.iterdump()).encode()
    with connection.cursor() as cursor:
        lines = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            lines += [line for (line,) in cursor.fetchall()]
    return "\n".join(lines).encode()


@pytest.mark.usefixtures("auth", "desk")
def test_a_key_is_in_no_table_of_the_database(client):
    text = make(name="canary")
    ask(client, "/status", text)
    started = ask(client, "/run/backtest", text, "POST", GOOD).json()["run_id"]
    ask(client, "/run/live", text, "POST", PAPER)
    ask(client, f"/status?run_id={started}", text)
    assert tables_with(prefix(text))
    assert tables_with(secret(text)) == []
    assert tables_with(secret(text)[5:25]) == []
    raw = bytes(secret(text), "ascii")
    dump = whole_database()
    assert prefix(text).encode() in dump
    assert raw not in dump
    assert raw.hex().encode() not in dump.lower()


@pytest.mark.usefixtures("auth")
@pytest.mark.parametrize("broken", ["compare", "database"])
def test_a_fault_while_a_key_is_checked_tells_nothing_of_it(client, monkeypatch, caplog, broken):
    text = make(name="canary")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("broken")

    if broken == "compare":
        monkeypatch.setattr(keys.hmac, "compare_digest", fail)
    else:
        monkeypatch.setattr(keys, "_note_use", fail)
    answer = ask(client, "/status", text)
    error(answer, 500, "INTERNAL_ERROR")
    record = next(found for found in caplog.records if found.exc_info)
    reporter = ExceptionReporter(answer.wsgi_request, *record.exc_info)
    for told in (
        caplog.text, answer.content.decode(), reporter.get_traceback_text(),
        reporter.get_traceback_html(),
    ):  # fmt: skip
        assert secret(text) not in told
    # It looked: the frames of the check are in the report.
    assert "compare_digest" in reporter.get_traceback_text() or broken == "database"


@pytest.mark.django_db
def test_a_fault_while_a_key_is_made_tells_nothing_of_it(monkeypatch):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(keys.audit, "record", fail)
    monkeypatch.setattr(keys.secrets, "token_urlsafe", lambda size: "canary" * 7)
    with pytest.raises(RuntimeError) as caught:
        keys.create("bot", ["read"], "command")
    told = ExceptionReporter(None, caught.type, caught.value, caught.tb).get_traceback_html()
    assert "issue" in told
    assert "canary" * 7 not in told
    assert ApiKey.objects.count() == 0


# --- the schema ------------------------------------------------------------------------------


def spectacular(file: Any) -> dict[str, Any]:
    import yaml

    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    return dict(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("on", [True, False])
def test_the_schema_says_which_operations_want_a_key(settings, tmp_path, on):
    settings.AUTH = on
    schema = spectacular(tmp_path / "schema.yml")
    scheme = schema["components"]["securitySchemes"]["key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            answers = operation["responses"]
            if path == f"{API}/health":
                assert "security" not in operation or operation["security"] == [{}]
                assert "401" not in answers
                continue
            ways = [{"key": []}, {"session": []}]
            assert operation["security"] == (ways if on else [*ways, {}])
            assert "NOT_AUTHENTICATED" in answers["401"]["description"]
            assert "PERMISSION_DENIED" in answers["403"]["description"]
            assert "Scope: `" in answers["403"]["description"]
    assert ERROR_CODES["NOT_AUTHENTICATED"][0] == 401


# --- over the wire ---------------------------------------------------------------------------

MAKE_KEY = """
from cracktrader_site.api import keys
print(json.dumps(keys.create(sys.argv[1], sys.argv[2].split(","), "command")[1]))
"""
OWNED = """
run = make_run(status="completed", symbols=["BTC/USDT"], owner=sys.argv[1])
print(json.dumps(str(run.public_id)))
"""
ADD = """
run = Run.objects.get(public_id=sys.argv[1]).id
add(run, [("limit.hit", {"reason": "x"})])
print(0)
"""
REVOKE = """
from cracktrader_site.api import keys
from cracktrader_site.api.models import ApiKey
print(json.dumps(keys.revoke(ApiKey.objects.get(name=sys.argv[1]), "command")))
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    more = {
        "CRACKTRADER_AUTH": "1",
        "CRACKTRADER_WS_HEARTBEAT_SECONDS": "1",
        "CRACKTRADER_LOG_LEVEL": "DEBUG",
    }
    with Web(tmp_path_factory.mktemp("web") / "home", **more) as running:
        yield running


@pytest.fixture(scope="module")
def held(web: Web) -> dict[str, str]:
    scopes = {"mine": "read,paper", "other": "read", "blind": "paper,live", "brief": "read"}
    return {name: web.tell(MAKE_KEY, name, granted) for name, granted in scopes.items()}


def bearer(key: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {key}"}}


def refused(web: Web, path: str = "/ws", **options: Any) -> tuple[int, dict[str, Any], Any]:
    with pytest.raises(InvalidStatus) as caught:
        web.connect(path, **options)
    answer = caught.value.response
    return answer.status_code, json.loads(answer.body)["error"], answer.headers


@pytest.mark.process
def test_a_handshake_without_a_key_is_401_in_the_envelope(web, held):
    garbage = [{}, bearer("nonsense"), bearer("x" * 5_000), bearer(held["mine"][:-1])]
    garbage += [{"subprotocols": s} for s in (["bearer"], ["bearer", "x"], [held["mine"]])]
    garbage += [{"subprotocols": ["other", held["mine"]]}]
    for path in ("/ws", "/api/v1/ws/status", f"/ws?token={held['mine']}"):
        for options in garbage:
            status, found, headers = refused(web, path, **options)
            assert (status, found["code"]) == (401, "NOT_AUTHENTICATED")
            assert headers["WWW-Authenticate"] == "Bearer"
            assert headers["Content-Type"] == "application/json"


@pytest.mark.process
def test_a_handshake_needs_the_scope_read(web, held):
    status, found, _ = refused(web, **bearer(held["blind"]))
    assert (status, found["code"]) == (403, "PERMISSION_DENIED")
    assert found["details"] == {"needed": ["read"], "scopes": ["live", "paper"]}


@pytest.mark.process
@pytest.mark.parametrize("path", ["/ws", "/api/v1/ws/status"])
@pytest.mark.parametrize("way", ["header", "subprotocol"])
def test_a_key_follows_its_own_runs_and_no_others(web, held, way, path):
    mine = web.tell(OWNED, prefix(held["mine"]))
    theirs = web.tell(OWNED, prefix(held["other"]))
    options = {
        "header": bearer(held["mine"]),
        "subprotocol": {"subprotocols": ["bearer", held["mine"]]},
    }[way]
    with web.connect(path, **options) as ws:
        assert ws.socket.subprotocol == (None if way == "header" else "bearer")
        if path != "/ws":
            assert ws.receive()["payload"]["run_id"] == mine
        assert ws.ask(action="subscribe", channel="logs", run_id=theirs)["error"]["code"] == (
            "RUN_NOT_FOUND"
        )
        ws.subscribe("logs")
        web.tell(ADD, theirs)
        web.tell(ADD, mine)
        assert [message["run_id"] for message in ws.messages(1)] == [mine]
        assert ws.silent()


@pytest.mark.process
def test_a_revoked_keys_connections_end_at_the_next_heartbeat(web, held):
    with web.connect(**bearer(held["brief"])) as ws, web.connect(**bearer(held["other"])) as stays:
        assert ws.ask(action="ping")["type"] == "pong"
        assert web.tell(REVOKE, "brief") is True
        assert ws.closed() == (1008, "the key or session is not valid any more")
        assert stays.ask(action="ping")["type"] == "pong"
    assert refused(web, **bearer(held["brief"]))[0] == 401


LOG_IN = """
from django.contrib.auth.models import User
from django.test import Client
user = User.objects.create_user(sys.argv[1], is_staff=True, is_superuser=sys.argv[2] == "staff")
user.is_staff = sys.argv[2] == "staff"
user.save()
client = Client()
client.force_login(user)
print(json.dumps(client.cookies["sessionid"].value))
"""
LOG_OUT = """
from django.contrib.sessions.models import Session
print(json.dumps(Session.objects.filter(pk=sys.argv[1]).delete()[0]))
"""


@pytest.mark.process
def test_a_page_of_the_desk_follows_all_runs_while_its_session_lasts(web, held):
    theirs = web.tell(OWNED, prefix(held["mine"]))
    session = web.tell(LOG_IN, "ann", "staff")
    page = {"Origin": f"http://127.0.0.1:{web.port}", "Cookie": f"sessionid={session}"}
    with web.connect(additional_headers=page) as ws:
        ws.subscribe("logs", run_id=theirs)
        web.tell(ADD, theirs)
        assert [message["run_id"] for message in ws.messages(1)] == [theirs]
        assert web.tell(LOG_OUT, session) == 1
        assert ws.closed() == (1008, "the key or session is not valid any more")
    assert refused(web, additional_headers=page)[0] == 401


@pytest.mark.process
def test_a_session_connects_from_the_desks_own_pages_only(web, held):
    cookie = {"Cookie": f"sessionid={web.tell(LOG_IN, 'bea', 'staff')}"}
    stranger = {"Cookie": f"sessionid={web.tell(LOG_IN, 'cid', 'customer')}"}
    own = f"http://127.0.0.1:{web.port}"
    web.connect(additional_headers=cookie | {"Origin": own}).socket.close()
    # A program may leave Origin out, a browser never does.
    for headers, status in (
        (cookie, 401),
        (cookie | {"Origin": "https://evil.example"}, 403),
        (cookie | {"Origin": "null"}, 403),
        (cookie | {"Origin": own, "Authorization": "Bearer nonsense"}, 401),
        (stranger | {"Origin": own}, 401),
    ):
        assert refused(web, additional_headers=headers)[0] == status


@pytest.mark.process
def test_the_served_api_asks_for_the_key_and_takes_any_bytes_for_one(web, held):
    url = f"http://127.0.0.1:{web.port}/api/v1/status"
    for value in (b"Bearer \xff\xfe", b"Bearer " + b"x" * 10_000, b"\xe9", b"Bearer x" * 50):
        answer = httpx.get(url, headers={b"Authorization": value})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "NOT_AUTHENTICATED"
    twice = [("Authorization", f"Bearer {held['mine']}"), ("Authorization", "Bearer x")]
    assert httpx.get(url, headers=twice).status_code == 401
    assert httpx.get(url, headers={"Authorization": f"bearer {held['mine']}"}).status_code == 200


@pytest.mark.process
def test_no_key_is_in_the_servers_log_or_home(web, held):
    httpx.get(
        f"http://127.0.0.1:{web.port}/api/v1/status?token={held['other']}",
        headers={"Authorization": f"Bearer {held['mine']}"},
    )
    with web.connect(subprotocols=["bearer", held["mine"]]) as ws:
        assert ws.ask(action="ping")["type"] == "pong"
    log = web.log.read_text()
    assert "Traceback" not in log
    files = [file for file in web.home.rglob("*") if file.is_file()]
    kept: dict[object, bytes | str] = {file: file.read_bytes() for file in files}
    kept |= dict(sinks.database(web.env.get("DATABASE_URL") or web.home / "db.sqlite3"))
    assert prefix(held["mine"]).encode() in kept["api_apikey.prefix"]
    for name, key in held.items():
        for file, content in kept.items():
            assert secret(key).encode() not in content, (name, file)
