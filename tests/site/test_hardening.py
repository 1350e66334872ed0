"""Logins that are counted, headers that browsers obey, other sites' pages, the audit trail."""

# ruff: noqa: F811

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from cracktrader_site.api import audit, keys, refusals
from cracktrader_site.api.models import AuditEntry
from cracktrader_site.logins import address
from exchanges import sealing
from exchanges.domain import InvalidInput
from exchanges.models import Account, Credential, Exchange
from exchanges.sealing import new_key
from exchanges.services import sync_exchanges
from runs import services, signing, webhooks
from runs.examples import BACKTEST_BODY
from runs.models import Run, Webhook
from strategies.services import sync_strategies
from tests.desk import ROOT
from tests.runs.factory import make_run
from tests.site.api import API, desk, error  # noqa: F401 - fixture
from tests.site.streams import Web

PASSWORD = "correct horse battery staple"
LOGIN = "/admin/login/"


def trail() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("who", "action", "target"))


# --- logins ----------------------------------------------------------------------------------


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann", password=PASSWORD)


def log_in(
    password: str = "wrong", username: str = "ann", at: str = "203.0.113.7", **headers: str
) -> Any:
    form = {"username": username, "password": password}
    return Client().post(LOGIN, form, REMOTE_ADDR=at, headers=headers)


def test_who_opens_the_login_page_itself_comes_to_the_desk(ann):
    answer = log_in(PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_a_name_is_locked_after_five_failures_for_the_address_they_came_from(ann, settings):
    for _ in range(4):
        assert log_in().status_code == 200
    locked = log_in()
    assert locked.status_code == 429
    assert 14 * 60 < int(locked["Retry-After"]) <= 15 * 60
    assert "Try again in 15 minutes" in locked.content.decode()
    assert "script-src 'self'" in locked["Content-Security-Policy"]
    # Also with the right password, which is not even looked at.
    assert log_in(PASSWORD).status_code == 429
    # Nobody locks ann out from elsewhere.
    assert log_in(PASSWORD, at="203.0.113.8").status_code == 302


def test_a_lock_that_holds_is_not_prolonged_by_trying(ann):
    for _ in range(5):
        log_in()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    late = log_in(PASSWORD)
    assert late.status_code == 429
    assert int(late["Retry-After"]) <= 60
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert log_in(PASSWORD).status_code == 302


def test_an_address_is_locked_after_twenty_failures_whatever_the_names(ann):
    answers = [log_in(username=f"guess-{number}").status_code for number in range(20)]
    assert answers == [200] * 19 + [429]
    assert log_in(PASSWORD).status_code == 429
    assert log_in(PASSWORD, at="203.0.113.8").status_code == 302


def test_changing_the_browsers_name_is_no_way_around(ann):
    for number in range(5):
        last = log_in(**{"user-agent": f"Browser/{number}"})
    assert last.status_code == 429


def test_who_wants_json_is_told_in_json(ann):
    for _ in range(5):
        locked = log_in(accept="application/json")
    assert locked.status_code == 429
    said = locked.json()["error"]
    assert said["code"] == "RATE_LIMITED"
    assert said["details"] == {"retry_after_seconds": int(locked["Retry-After"])}


def test_locks_are_ended_by_command(ann):
    for _ in range(5):
        log_in()
    call_command("axes_reset")
    assert log_in(PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "9.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3::4", "", "2001:db8:1:2::"),
        ("", "", None),
    ],
)
def test_failures_are_counted_for_the_client_and_only_a_proxy_says_who_that_is(
    settings, peer, forwarded, counted
):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.5")]
    extra = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, **extra)
    assert address(request) == counted


def test_a_made_up_forwarded_for_gives_no_more_tries(ann):
    for number in range(5):
        last = log_in(**{"x-forwarded-for": f"198.51.100.{number}"})
    assert last.status_code == 429


def test_logins_logouts_failures_and_locks_are_in_the_audit_trail(ann, client):
    before = len(trail())
    client.post(LOGIN, {"username": "ann", "password": PASSWORD}, REMOTE_ADDR="203.0.113.9")
    client.post("/admin/logout/", REMOTE_ADDR="203.0.113.9")
    log_in(username=PASSWORD)
    for _ in range(6):
        log_in()
    assert trail()[before:] == [
        ("admin:ann", "login", "ann"),
        ("admin:ann", "logout", "ann"),
        ("admin", "login.failed", "(unknown)"),
        *[("admin", "login.failed", "ann")] * 4,
        ("admin", "login.locked", "ann"),
    ]
    addresses = {entry.detail["address"] for entry in AuditEntry.objects.all() if entry.detail}
    assert addresses == {"203.0.113.9", "203.0.113.7"}
    # What was typed for a name may have been a password.
    assert PASSWORD not in json.dumps([entry.detail for entry in AuditEntry.objects.all()])
    assert not any(PASSWORD in part for entry in trail() for part in entry)


def test_a_changed_password_ends_the_other_sessions_and_is_told(ann, client):
    other = Client()
    for one in (client, other):
        assert one.login(request=RequestFactory().post("/"), username="ann", password=PASSWORD)
    new = "another horse, another battery"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", form).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert other.get("/admin/").status_code == 302
    assert ("admin:ann", "password.set", "ann") in trail()


def test_a_password_is_set_by_who_sets_it(ann, client):
    client.force_login(ann)
    new = "another horse, another battery"
    form = {"username": "bob", "usable_password": "true", "password1": new, "password2": new}
    assert client.post("/admin/auth/user/add/", form).status_code == 302
    bob = User.objects.get(username="bob")
    form = {"usable_password": "true", "password1": new + "!", "password2": new + "!"}
    assert client.post(f"/admin/auth/user/{bob.pk}/password/", form).status_code == 302
    bob.set_password(new)
    bob.save()
    told = [entry for entry in trail() if entry[1:] == ("password.set", "bob")]
    assert [who for who, _, _ in told] == ["admin:ann", "admin:ann", "command"]


def test_what_ends_with_the_secret_key_and_what_does_not(ann, client, settings):
    """As docs/production.md says, where it tells how to rotate it."""
    sync_exchanges()
    sync_strategies()
    settings.AUTH, settings.CREDENTIALS_KEY = True, [new_key()]
    sealed = sealing.seal({"apiKey": "k"})
    webhook, _ = webhooks.add("http://one.example/hook")
    _, text = keys.create("bot", ["read", "backtest"], "command")
    headers = {"authorization": f"Bearer {text}", "idempotency-key": "mine"}
    body = BACKTEST_BODY | {"exchange": "simulated"}

    def start() -> Any:
        return Client().post(f"{API}/run/backtest", body, "application/json", headers=headers)

    first = start()
    assert first.status_code == 200
    client.force_login(ann)
    assert client.get("/admin/").status_code == 200
    settings.SECRET_KEY = "another" * 10
    assert client.get("/admin/").status_code == 302
    assert not signing.readable(webhook.sealed_secret)
    details = error(start(), 400, "IDEMPOTENCY_MISMATCH")["details"]
    assert details["run_id"] == first.json()["run_id"]
    assert Run.objects.count() == 1
    assert sealing.unseal(sealed) == {"apiKey": "k"}


def test_an_api_request_asks_nothing_about_logins(db, client, settings):
    settings.AUTH = True
    _, text = keys.create("bot", ["read"], "command")
    header = {"authorization": f"Bearer {text}"}
    client.get(f"{API}/runs", headers=header)
    with CaptureQueriesContext(connection) as asked:
        client.get(f"{API}/runs", headers=header)
    assert not [q for q in asked.captured_queries if "axes" in q["sql"] or "session" in q["sql"]]


# --- what browsers are told ------------------------------------------------------------------


def test_every_answer_tells_browsers_to_be_careful(db, client, admin_client):
    answers = [client.get(path) for path in (f"{API}/health", LOGIN, f"{API}/docs", "/nowhere")]
    for answer in [*answers, admin_client.get("/admin/")]:
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["X-Frame-Options"] == "DENY"
        assert "camera=()" in answer["Permissions-Policy"]
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/runs/x", "/schema"])
def test_an_answer_of_the_api_may_load_nothing(db, client, path):
    answer = client.get(API + path)
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_page_may_load_from_here_alone_and_only_the_admin_may_compile(db, client, admin_client):
    def policy(answer: Any) -> dict[str, str]:
        parts = (part.strip() for part in answer["Content-Security-Policy"].split(";"))
        return dict(part.partition(" ")[::2] for part in parts)

    page, of_admin = policy(client.get(f"{API}/docs")), policy(admin_client.get("/admin/"))
    strict = {
        "default-src": "'none'", "object-src": "'none'", "base-uri": "'self'",
        "form-action": "'self'", "frame-ancestors": "'none'", "connect-src": "'self'",
    }  # fmt: skip
    assert page.items() >= strict.items()
    assert of_admin.items() >= strict.items()
    assert page["script-src"] == "'self'"
    assert of_admin["script-src"] == "'self' 'unsafe-eval'"
    allowed = {
        source for one in (page, of_admin) for value in one.values() for source in value.split()
    }
    assert not [source for source in allowed if "." in source or "*" in source or "http" in source]


def test_pages_of_the_admin_are_kept_by_nobody(admin_client):
    for path in (
        "/admin/",
        "/admin/runs/run/",
        "/admin/api/auditentry/",
        "/admin/password_change/",
    ):
        assert "no-store" in admin_client.get(path)["Cache-Control"]


def test_a_session_ends_after_twelve_hours(ann, settings):
    assert settings.SESSION_COOKIE_AGE == 12 * 3600
    cookie = log_in(PASSWORD).cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["max-age"] == 12 * 3600
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


# --- pages of other sites --------------------------------------------------------------------

APP = "https://app.example"


@pytest.fixture
def listed(db: None, settings: Any) -> str:
    """Another site's origin is listed; a key that its page has."""
    settings.AUTH = True
    settings.CORS_ALLOWED_ORIGINS = [APP]
    return keys.create("page", ["read", "backtest"], "command")[1]


def preflight(client: Client, origin: str, method: str = "POST") -> Any:
    return client.options(
        f"{API}/run/backtest",
        headers={
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": "authorization,idempotency-key",
            "sec-fetch-site": "cross-site",
        },
    )


def test_a_listed_origin_is_let_in_with_a_key(client, listed):
    asked = preflight(client, APP)
    assert asked.status_code == 200
    assert asked["Access-Control-Allow-Origin"] == APP
    assert "idempotency-key" in asked["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in asked
    headers = {"origin": APP, "sec-fetch-site": "cross-site", "authorization": f"Bearer {listed}"}
    answer = client.get(f"{API}/runs", headers=headers)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == APP
    assert "Access-Control-Allow-Credentials" not in answer
    assert "origin" in answer["Vary"].lower()
    exposed = answer["Access-Control-Expose-Headers"].split(", ")
    assert {
        "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After",
        "X-Cracktrader-API-Version", "Idempotent-Replayed",
    } <= set(exposed)  # fmt: skip
    # A refusal can be read, too.
    headers["authorization"] = "Bearer nonsense"
    refused = client.get(f"{API}/runs", headers=headers)
    error(refused, 401, "NOT_AUTHENTICATED")
    assert refused["Access-Control-Allow-Origin"] == APP


def test_behind_tls_a_page_of_our_name_in_plain_http_is_foreign(client, listed):
    headers = {"host": "testserver", "authorization": f"Bearer {listed}"}
    ours = headers | {"origin": "https://testserver"}
    assert client.get(f"{API}/runs", secure=True, headers=ours).status_code == 200
    altered = headers | {"origin": "http://testserver"}
    error(client.get(f"{API}/runs", secure=True, headers=altered), 403, "FOREIGN_ORIGIN")
    # The proxy may serve HTTPS where the desk was not told so.
    for scheme in ("http", "https"):
        own = headers | {"origin": f"{scheme}://testserver"}
        assert client.get(f"{API}/runs", headers=own).status_code == 200


@pytest.mark.parametrize("key", [None, "", "Bearer", "Bearer ", "Basic YTpi"])
def test_a_listed_origin_without_a_key_is_as_foreign_as_any(admin_client, listed, key):
    headers = {"origin": APP, "sec-fetch-site": "cross-site"}
    if key is not None:
        headers["authorization"] = key
    for path in ("/runs", "/status"):
        error(admin_client.get(API + path, headers=headers), 403, "FOREIGN_ORIGIN")
    error(admin_client.post(f"{API}/run/stop", headers=headers), 403, "FOREIGN_ORIGIN")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://app.example", "null", f"{APP}:1"]
)
def test_an_origin_that_is_not_listed_is_refused_with_or_without_a_key(client, listed, origin):
    refused = preflight(client, origin)
    error(refused, 403, "FOREIGN_ORIGIN")
    assert "Access-Control-Allow-Origin" not in refused
    headers = {"origin": origin, "authorization": f"Bearer {listed}"}
    refused = client.get(f"{API}/runs", headers=headers)
    error(refused, 403, "FOREIGN_ORIGIN")
    assert "Access-Control-Allow-Origin" not in refused


def test_pages_of_the_admin_are_for_no_other_site(admin_client, listed):
    answer = admin_client.get("/admin/", headers={"origin": APP})
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.process
def test_a_listed_origin_may_follow_with_a_key_and_no_other_may(tmp_path):
    env = {"CRACKTRADER_AUTH": "1", "CRACKTRADER_CORS_ORIGINS": APP}
    with Web(tmp_path, **env) as web:
        made = subprocess.run(
            [sys.executable, "manage.py", "create_key", "page", "--scopes", "read", "--quiet"],
            env=web.env, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        key = made.stdout.strip()
        with web.connect(origin=APP, subprotocols=["bearer", key]) as ws:
            assert ws.ask(action="ping")["type"] == "pong"
        for origin, protocols in ((APP, []), ("https://evil.example", ["bearer", key])):
            with pytest.raises(InvalidStatus) as refused:
                web.connect(origin=origin, subprotocols=protocols or None)
            assert refused.value.response.status_code == 403


# --- the audit trail -------------------------------------------------------------------------


@pytest.fixture
def told(ann: User, client: Client) -> Any:
    """What is told of what ann does from here on."""
    client.force_login(ann)
    before = len(trail())
    return lambda: trail()[before:]


def test_edits_in_the_admin_are_told_by_their_fields_and_without_values(desk, client, told):
    bob = User.objects.create_user("bob", password="s3cret-of-bob-x")
    new = "brand-new-horse-77"
    client.post(f"/admin/auth/user/{bob.pk}/password/", {"password1": new, "password2": new})
    client.post("/admin/auth/group/add/", {"name": "operators"})
    venue = Exchange.objects.get(name="simulated")
    client.post(f"/admin/exchanges/exchange/{venue.pk}/change/", {"base_url": ""})
    for url in ("http://one.example/path-is-secret", "http://two.example/"):
        client.post("/admin/runs/webhook/add/", {"name": url[7:10], "url": url, "enabled": "on"})
    chosen = {"_selected_action": list(Webhook.objects.values_list("pk", flat=True))}
    client.post("/admin/runs/webhook/", {"action": "disable"} | chosen)
    client.post("/admin/runs/webhook/", {"action": "delete_selected", "post": "yes"} | chosen)
    assert Webhook.objects.count() == 0
    mine = [(action, target) for who, action, target in told() if who == "admin:ann"]
    assert sorted(mine) == sorted(
        [
            ("password.set", "bob"), ("user.changed", "bob"), ("group.added", "operators"),
            ("exchange.changed", str(venue)),
            ("webhook.added", "one"), ("webhook.added", "two"),
            ("webhook.disabled", "one"), ("webhook.disabled", "two"),
            ("webhook.deleted", "one"), ("webhook.deleted", "two"),
        ]
    )  # fmt: skip
    details = json.dumps([entry.detail for entry in AuditEntry.objects.all()])
    for secret in (new, "path-is-secret", "s3cret"):
        assert secret not in details


NAMED = {"by", "who", "resolved_by"}


def names_of_the_trails_own() -> set[str]:
    """What the code writes as `who` by itself: defaults, constants, last resorts."""
    found = set()
    for room in ("cracktrader_site", "runs", "exchanges", "strategies"):
        for path in (ROOT / room).rglob("*.py"):
            if "migrations" not in path.parts:
                found |= names_written_in(ast.parse(path.read_text()))
    return found - {""}


def names_written_in(tree: ast.AST) -> set[str]:
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: set[str] = set()

    def see(node: ast.AST | None) -> None:
        match node:
            case ast.Constant(value=str(text)):
                found.add(text)
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) if parts:
                for part in parts if isinstance(node, ast.BoolOp) else parts[:1]:
                    see(part)
            case ast.IfExp(body=one, orelse=other):
                see(one)
                see(other)
            case ast.Starred(value=value) | ast.Return(value=value):
                see(value)
            case ast.Name(id=name) if name.isupper() and name in constants:
                see(constants[name])
            case ast.Attribute(value=ast.Name(id="audit"), attr=name):
                found.add(getattr(audit, name))

    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name, args=args):
                for arg, default in zip(reversed(args.args), reversed(args.defaults), strict=False):
                    if arg.arg in NAMED:
                        see(default)
                for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
                    if arg.arg in NAMED:
                        see(default)
                if name in NAMED:
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Return):
                            see(inner)
            case ast.keyword(arg=str(name), value=value) if name in NAMED:
                see(value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMED:
                see(value)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="audit"), attr="record"), args=args):
                see(args[0])
            case ast.Assign(targets=[ast.Name(id="WHO")], value=value):
                see(value)
    return found


def test_no_key_is_named_as_the_audit_trail_names_the_desk_itself(db):
    assert names_of_the_trails_own() == {"admin", "api", "command", "desk"} == audit.OWN
    for name in [*audit.OWN, "Admin", "DESK"]:
        with pytest.raises(InvalidInput, match="the audit trail"):
            keys.create(name, ["read"], "command")
    assert keys.create("desk-2", ["read"], "command")


def test_webhooks_by_command_are_told(db, capsys):
    call_command("webhook", "add", "http://one.example/secret-path", "--name", "one")
    number = str(Webhook.objects.get().pk)
    for action in ("disable", "enable", "remove"):
        call_command("webhook", action, number)
    names = ("added", "disabled", "enabled", "deleted")
    assert trail() == [("command", f"webhook.{name}", "one") for name in names]
    assert AuditEntry.objects.last().detail == {"receiver": "one.example"}


def test_stopping_a_live_run_is_told_once_and_stopping_others_is_not(desk, client, told):
    venue = Exchange.objects.get(name="binance")
    credential = Credential.objects.create(exchange=venue, name="mine", sealed=b"")
    account = Account.objects.create(exchange=venue, credential=credential)
    live = make_run(status=Run.Status.RUNNING, mode=Run.Mode.LIVE, account=account)
    paper = make_run(status=Run.Status.RUNNING, mode=Run.Mode.PAPER)
    for run in (live, paper, live):
        client.post(f"/admin/runs/run/{run.pk}/stop/")
    assert told() == [("admin:ann", "live.stopped", str(live.public_id))]
    services.request_stop(paper, by="bot")
    assert len(told()) == 1


def test_refused_attempts_at_live_trading_are_told_once_a_minute(
    desk, db, client, settings, monkeypatch
):
    monkeypatch.setattr(refusals, "_told", {})
    settings.AUTH = True
    _, looks = keys.create("looks", ["read"], "command")
    _, trades = keys.create("trades", ["live"], "command")
    before = len(trail())
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "1"}
    body |= {"account_id": "00000000-0000-4000-8000-000000000000", "confirm_live": True}
    for key, code in ((looks, "PERMISSION_DENIED"), (trades, "LIVE_TRADING_DISABLED")) * 2:
        answer = client.post(
            f"{API}/orders", body, "application/json", headers={"authorization": f"Bearer {key}"}
        )
        error(answer, 403, code)
    client.get(f"{API}/runs", headers={"authorization": f"Bearer {trades}"})
    assert trail()[before:] == [
        ("looks", "live.refused", f"{API}/orders"),
        ("trades", "live.refused", f"{API}/orders"),
    ]
    told_of = AuditEntry.objects.filter(action="live.refused").order_by("id")
    codes = ["PERMISSION_DENIED", "LIVE_TRADING_DISABLED"]
    assert [entry.detail["code"] for entry in told_of] == codes


def test_a_refusal_that_cannot_be_recorded_is_still_a_refusal(db, client, settings, monkeypatch):
    def busy(*args: Any, **detail: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(refusals, "_told", {})
    settings.AUTH = True
    _, looks = keys.create("looks", ["read"], "command")
    monkeypatch.setattr(refusals.audit, "record", busy)
    answer = client.post(f"{API}/orders", headers={"authorization": f"Bearer {looks}"})
    error(answer, 403, "PERMISSION_DENIED")
