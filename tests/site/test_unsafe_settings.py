"""Settings that would leave a desk open, and what the start says to each of them."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host
from django.test import RequestFactory

from cracktrader_site import addresses, checks, doors, listening, proxies, safety
from cracktrader_site import env as environ
from exchanges.sealing import new_key
from tests import migrated
from tests.desk import ROOT, free_port
from tests.site.streams import Web

RANDOM = "vqA9t_Zr2LwXc7-HnE0sKdyM5uGbJ3oP8iTfQ6hRk1WxaSjYCe4N"
SAFE = {
    "HOST": "0.0.0.0",
    "CRACKTRADER_AUTH": "1",
    "CRACKTRADER_BEHIND_TLS": "1",
    "CRACKTRADER_TRUSTED_PROXIES": "10.0.0.5",
    "CRACKTRADER_ALLOWED_HOSTS": "desk.example",
    "CRACKTRADER_CORS_ORIGINS": "https://app.example,http://localhost:5173",
    "CRACKTRADER_TRUSTED_ORIGINS": "https://desk.example:8443",
    "CRACKTRADER_LIVE_TRADING": "1",
    "CRACKTRADER_CREDENTIALS_KEY": new_key(),
}
LOCAL = {"HOST": "127.0.0.1", "CRACKTRADER_BEHIND_TLS": "0", "CRACKTRADER_LIVE_TRADING": "0"}
BARE = LOCAL | {"CRACKTRADER_AUTH": "0", "CRACKTRADER_CORS_ORIGINS": ""}

# What is changed of SAFE, the rules that breaks, and what is to be set, as the sentence says it.
REFUSED: dict[str, tuple[dict[str, str], str, str]] = {
    "other machines without keys": (
        {"CRACKTRADER_AUTH": "0"}, "E001 E012 E017", "set CRACKTRADER_AUTH=1",
    ),
    "a proxy without keys": (
        BARE | {"CRACKTRADER_BEHIND_TLS": "1"}, "E002", "CRACKTRADER_PROXY_AUTH=1",
    ),
    "debug pages for other machines": ({"CRACKTRADER_DEBUG": "1"}, "E003", "CRACKTRADER_DEBUG"),
    "debug pages through the proxy": (
        {"CRACKTRADER_DEBUG": "1", "HOST": "127.0.0.1"}, "E003", "unset it",
    ),
    "a secret somebody thought up": (
        {"CRACKTRADER_SECRET_KEY": "changeme"}, "E004", "not random: unset it",
    ),
    "a secret of one letter": ({"CRACKTRADER_SECRET_KEY": "x" * 60}, "E004", "not random"),
    "a secret of a few letters": (
        {"CRACKTRADER_SECRET_KEY": "abcde" * 12}, "E004", "not random",
    ),
    "the secret of a template": (
        {"CRACKTRADER_SECRET_KEY": f"django-insecure-{RANDOM}"}, "E004", "not random",
    ),
    "keys in plain HTTP": (
        {"CRACKTRADER_BEHIND_TLS": "0"}, "E005", "CRACKTRADER_ALLOW_PLAIN_HTTP=1",
    ),
    "no limit": ({"CRACKTRADER_RATE_LIMIT": "0"}, "E006", "CRACKTRADER_RATE_LIMIT=0"),
    "any host": ({"CRACKTRADER_ALLOWED_HOSTS": "*"}, "E007", "list the names"),
    "any host, on loopback too": (
        LOCAL | {"CRACKTRADER_ALLOWED_HOSTS": "localhost,*"}, "E007", "DNS rebinding",
    ),
    "all of a top-level domain": (
        {"CRACKTRADER_ALLOWED_HOSTS": "desk.example,.com"}, "E018", "holds '.com'",
    ),
    "all names": ({"CRACKTRADER_ALLOWED_HOSTS": "."}, "E018", "DNS rebinding"),
    "any page": ({"CRACKTRADER_CORS_ORIGINS": "*"}, "E008", "which is no origin"),
    "pages of files": ({"CRACKTRADER_CORS_ORIGINS": "null"}, "E008", "https://desk.example"),
    "an origin with a path": (
        {"CRACKTRADER_CORS_ORIGINS": "https://app.example/x"}, "E008", "without a path",
    ),
    "an origin with a slash": (
        {"CRACKTRADER_CORS_ORIGINS": "https://app.example/"}, "E008", "without a path",
    ),
    "an origin with a star": (
        {"CRACKTRADER_CORS_ORIGINS": "https://*.example"}, "E008", "without a *",
    ),
    "an origin of another kind": (
        {"CRACKTRADER_CORS_ORIGINS": "ftp://app.example"}, "E008", "no origin",
    ),
    "an origin with a name": (
        {"CRACKTRADER_CORS_ORIGINS": "https://me@app.example"}, "E008", "no origin",
    ),
    "an origin with no port": (
        {"CRACKTRADER_CORS_ORIGINS": "https://app.example:x"}, "E008", "no origin",
    ),
    "pages that come in plain HTTP": (
        {"CRACKTRADER_CORS_ORIGINS": "http://app.example"}, "E008", "give it as https://",
    ),
    "other pages without keys": (
        BARE | {"CRACKTRADER_CORS_ORIGINS": "https://app.example"}, "E017", "CRACKTRADER_AUTH=1",
    ),
    "a trusted origin without a scheme": (
        {"CRACKTRADER_TRUSTED_ORIGINS": "desk.example"}, "E009", "CRACKTRADER_TRUSTED_ORIGINS",
    ),
    "a trusted origin with a star": (
        {"CRACKTRADER_TRUSTED_ORIGINS": "https://*.example"}, "E009", "without a *",
    ),
    "a trusted origin in plain HTTP": (
        {"CRACKTRADER_TRUSTED_ORIGINS": "http://desk.example"}, "E009", "give it as https://",
    ),
    "everybody is a proxy": (
        {"CRACKTRADER_TRUSTED_PROXIES": "0.0.0.0/0"}, "E010", "name the proxies alone",
    ),
    "half of everybody is a proxy": (
        {"CRACKTRADER_TRUSTED_PROXIES": "10.0.0.5,128.0.0.0/1"}, "E010", "128.0.0.0/1",
    ),
    "everybody on IPv6 is a proxy": (
        {"CRACKTRADER_TRUSTED_PROXIES": "::/0"}, "E010", "name the proxies",
    ),
    "a proxy nobody named": (
        {"CRACKTRADER_TRUSTED_PROXIES": ""}, "E011", "the proxy in CRACKTRADER_TRUSTED_PROXIES",
    ),
    "real money without keys": (
        BARE | {"CRACKTRADER_LIVE_TRADING": "1"}, "E012", "set CRACKTRADER_AUTH=1",
    ),
    "real money without encryption": (
        {"CRACKTRADER_CREDENTIALS_KEY": ""}, "E013", "`manage.py credentials new-key`",
    ),
    "real money under a wrong key": (
        {"CRACKTRADER_CREDENTIALS_KEY": "horse"}, "E013", "CRACKTRADER_CREDENTIALS_KEY",
    ),
    "real money at another time": (
        {"CRACKTRADER_CLOCK": "2026-01-01T00:00:00Z,6"}, "E014", "unset one of them",
    ),
}  # fmt: skip

SERVED = {
    "as SAFE has it": {},
    "under names of our own": {"CRACKTRADER_ALLOWED_HOSTS": ".desk.example"},
    "with two proxies": {"CRACKTRADER_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/16"},
    "on a network that is trusted": {
        "CRACKTRADER_BEHIND_TLS": "0", "CRACKTRADER_ALLOW_PLAIN_HTTP": "1",
    },
    "a proxy on this machine": {"HOST": "127.0.0.1", "CRACKTRADER_TRUSTED_PROXIES": ""},
    "a proxy that asks who they are": BARE
    | {"CRACKTRADER_BEHIND_TLS": "1", "CRACKTRADER_PROXY_AUTH": "1"},
    "a rehearsal": LOCAL | {"CRACKTRADER_CLOCK": "2026-01-01T00:00:00Z,6"},
    "at home": BARE | {"CRACKTRADER_DEBUG": "1", "CRACKTRADER_RATE_LIMIT": "0"},
}  # fmt: skip


def fresh(monkeypatch: pytest.MonkeyPatch, home: Path, env: dict[str, str]) -> ModuleType:
    """The server's settings as they are read from this environment."""
    for name in [name for name in os.environ if name.startswith("CRACKTRADER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRACKTRADER_CLOCK", "")
    for name, value in ({"CRACKTRADER_HOME": str(home)} | env).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(environ, "REGISTRY", {})
    folder, name = ROOT / "cracktrader_site" / "settings", "cracktrader_site.fresh_settings"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    try:
        sys.modules[name] = module
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    finally:
        for part in [known for known in sys.modules if f"{known}.".startswith(f"{name}.")]:
            del sys.modules[part]
    for reader in (safety, checks, doors, addresses):
        monkeypatch.setattr(reader, "settings", module)
    return module


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    doors.is_here.cache_clear()
    yield lambda **env: fresh(monkeypatch, tmp_path / "home", SAFE | env)
    doors.is_here.cache_clear()


@pytest.mark.parametrize(("env", "rules", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_unsafe_settings_are_refused_with_what_to_set(settings_of, env, rules, said):
    settings = settings_of(**env)
    with pytest.raises(ImproperlyConfigured, match=re.escape(said)) as refused:
        listening.require_safe(settings.HOST)
    assert "\n" not in str(refused.value)
    found = checks.unsafe_settings(None)
    assert {check.id for check in found} == {f"cracktrader.{rule}" for rule in rules.split()}
    assert " ".join(check.msg for check in found) == str(refused.value)


@pytest.mark.parametrize("env", SERVED.values(), ids=SERVED.keys())
def test_safe_settings_are_served(settings_of, env):
    settings = settings_of(**env)
    listening.require_safe(settings.HOST)
    assert checks.unsafe_settings(None) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "::1", "localhost"])
def test_this_machine_may_use_its_own_names_and_nobody_can_have_those(settings_of, host):
    settings = settings_of(HOST=host)
    for name in ("localhost", "127.0.0.1", "[::1]", "desk.example"):
        assert validate_host(name, settings.ALLOWED_HOSTS)
    for name in ("localhost.evil.example", "evil.localhost", "127.0.0.2", "0.0.0.0"):
        assert not validate_host(name, settings.ALLOWED_HOSTS)
    assert len(set(settings.ALLOWED_HOSTS)) == len(settings.ALLOWED_HOSTS)


def test_the_table_has_every_rule():
    tested = {rule for _, rules, _ in REFUSED.values() for rule in rules.split()}
    assert tested | {"E015", "E016"} == set(safety._RULES)


def test_a_home_or_secret_that_others_can_read_is_refused(monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        settings = fresh(monkeypatch, home, SAFE)
        listening.require_safe(settings.HOST)
        home.chmod(0o755)
        with pytest.raises(ImproperlyConfigured, match=f"chmod 700 {home}"):
            listening.require_safe(settings.HOST)
        (home / "inner").mkdir(mode=0o755)
        monkeypatch.setattr(settings, "CRACKTRADER_HOME", home / "inner")
        assert [rule for rule, _ in safety.broken(listening.place("::"))] == ["E015"]
        home.chmod(0o700)
        listening.require_safe(settings.HOST)
        monkeypatch.setattr(settings, "CRACKTRADER_HOME", home)
        for mode in (0o644, 0o640):
            (home / "secret_key").chmod(mode)
            with pytest.raises(ImproperlyConfigured, match="chmod 600"):
                listening.require_safe("127.0.0.1")


@pytest.mark.parametrize("name", ["CRACKTRADER_CORS_ORIGINS", "CRACKTRADER_TRUSTED_ORIGINS"])
def test_a_password_in_an_origin_is_not_repeated(settings_of, name):
    settings = settings_of(**{name: "https://me:hunter2@app.example"})
    with pytest.raises(ImproperlyConfigured, match="which is no origin") as refused:
        listening.require_safe(settings.HOST)
    assert "holds '…@app.example'" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 64, "a..b"])
def test_a_host_without_an_address_is_said(settings_of, host):
    settings = settings_of(HOST=host)
    with pytest.raises(ImproperlyConfigured, match="cannot be resolved"):
        listening.require_safe(settings.HOST)
    assert [check.id for check in checks.unsafe_settings(None)] == ["cracktrader.E000"]


INTEGERS = [s for s in environ.REGISTRY.values() if s.kind.startswith("an integer")]


@pytest.mark.parametrize("setting", INTEGERS, ids=lambda setting: setting.name)
def test_an_integer_that_nothing_could_work_with_is_refused_in_a_sentence(settings_of, setting):
    for absurd in ("9999999999999", "-1", "9" * 400):
        with pytest.raises(ImproperlyConfigured, match=setting.name) as refused:
            settings_of(**{setting.name: absurd})
        assert setting.help in str(refused.value)


@pytest.mark.parametrize("end", ["least", "most"])
def test_the_ends_of_what_is_allowed_are_served(settings_of, end):
    ends = {}
    for setting in INTEGERS:
        least, most = re.findall(r"\d+", setting.kind)
        ends[setting.name] = {"least": least, "most": most}[end]
    ends["CRACKTRADER_RATE_LIMIT"] = "100"
    settings = settings_of(**ends)
    listening.require_safe(settings.HOST)
    now = datetime.now(UTC)
    assert now - settings.AXES_COOLOFF_TIME < now + timedelta(seconds=settings.SESSION_COOKIE_AGE)


# --- the ways in -----------------------------------------------------------------------------


def environment(home: Path, **env: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CRACKTRADER_", "DJANGO_"))}
    return clean | {"CRACKTRADER_HOME": str(home), "PORT": str(free_port())} | env


def run(home: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], env=environment(home, **env), cwd=ROOT,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize(
    ("row", "only"),
    [
        ("other machines without keys", []),
        ("any host, on loopback too", []),
        ("real money without encryption", ["--only", "trade"]),
        ("real money without keys", ["--only", "ticker"]),
    ],
)
def test_serve_and_its_parts_refuse_in_one_line(tmp_path, row, only):
    env, _, said = REFUSED[row]
    refused = run(tmp_path, "manage.py", "serve", *only, **SAFE | env)
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert said in line


@pytest.mark.process
def test_another_server_refuses_what_serve_refuses(tmp_path):
    env, _, said = REFUSED["real money without encryption"]
    for module in ("asgi", "wsgi"):
        code = f"import cracktrader_site.{module}"
        refused = run(tmp_path, "-c", code, **SAFE | env)
        assert refused.returncode == 1
        assert said in refused.stderr.strip().splitlines()[-1]


@pytest.mark.process
def test_the_kill_switch_works_whatever_is_set(tmp_path):
    env = SAFE | {"CRACKTRADER_AUTH": "0", "CRACKTRADER_CREDENTIALS_KEY": ""}
    assert run(tmp_path, "manage.py", "migrate", "--verbosity", "0", **env).returncode == 0
    asked = run(tmp_path, "manage.py", "kill", "--help", **env)
    assert asked.returncode == 0
    assert run(tmp_path, "manage.py", "check", **env).returncode == 0


@pytest.mark.process
def test_a_server_that_listens_where_it_may_not_answers_this_machine_only(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        mine = probe.getsockname()[0]
    if mine.startswith("127."):
        pytest.skip("this machine has no address but loopback's")
    env = environment(tmp_path, CRACKTRADER_ALLOWED_HOSTS=f"127.0.0.1,{mine}")
    migrated.copy_to(tmp_path / migrated.DATABASE)
    command = ["-m", "uvicorn", "cracktrader_site.asgi:application", "--host", "0.0.0.0"]
    with open(tmp_path / "log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, *command, "--port", env["PORT"], "--lifespan", "off"],
            env=env, cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 150
        while True:
            try:
                here = httpx.get(f"http://127.0.0.1:{env['PORT']}/api/v1/health")
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert here.status_code == 200
        url = f"http://{mine}:{env['PORT']}"
        refused = httpx.get(f"{url}/api/v1/health")
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "PERMISSION_DENIED"
        upgrade = {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
        }  # fmt: skip
        assert httpx.get(f"{url}/ws", headers=upgrade).status_code == 403
    finally:
        server.terminate()
        server.wait(20)
    assert "authentication is off" in (tmp_path / "log").read_text()


def test_who_is_here_is_known_by_the_connection(settings_of):
    settings_of(**BARE)
    for address in ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", ""):
        assert doors.is_here(address)
    for address in ("10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "x", "127.0.0.1.evil"):
        assert not doors.is_here(address)


def test_no_door_is_kept_where_all_may_come(settings_of):
    def app(*args: Any) -> list[bytes]:
        return []

    settings_of()
    assert doors.keep_wsgi(app) is app
    assert doors.keep(app) is app  # type: ignore[comparison-overlap]


# --- behind TLS ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "proxies_named", "is_believed"),
    [
        ("10.0.0.5", "10.0.0.5", True),
        ("::ffff:10.0.0.5", "10.0.0.5", True),
        ("10.0.0.6", "10.0.0.5", False),
        ("127.0.0.1", "10.0.0.5", False),
        ("127.0.0.1", "", True),
        ("::1", "", True),
        ("10.0.0.5", "", False),
        ("", "10.0.0.5", False),
    ],
)
def test_only_the_proxy_is_believed_to_have_served_https(
    settings_of, settings, peer, proxies_named, is_believed
):
    ours = settings_of(HOST="127.0.0.1", CRACKTRADER_TRUSTED_PROXIES=proxies_named)
    settings.SECURE_PROXY_SSL_HEADER = ours.SECURE_PROXY_SSL_HEADER
    settings.TRUSTED_PROXIES = ours.TRUSTED_PROXIES
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO="https")
    assert proxies.ForwardedProto(lambda request: request)(request) is request
    assert request.is_secure() is is_believed


@pytest.mark.process
def test_the_documented_production_settings_pass_every_check(tmp_path):
    text = (ROOT / "docs" / "production.md").read_text()
    block = re.search(r"^```ini\n# /etc/cracktrader\.env\n(.*?)^```", text, re.M | re.S)
    assert block is not None
    lines = [line for line in block[1].splitlines() if line and not line.startswith("#")]
    env = dict(line.split("=", 1) for line in lines)
    env |= {"CRACKTRADER_HOME": str(tmp_path)}
    command = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    passed = run(tmp_path, *command, **env)
    assert passed.returncode == 0, passed.stderr
    failed = run(tmp_path, *command, **env | {"CRACKTRADER_AUTH": "0"})
    assert failed.returncode == 1
    assert "set CRACKTRADER_AUTH=1" in failed.stderr


@pytest.mark.process
def test_behind_tls_cookies_are_bound_to_https_and_plain_http_is_sent_away(tmp_path):
    env = {"CRACKTRADER_AUTH": "1", "CRACKTRADER_BEHIND_TLS": "1"}
    env |= {"CRACKTRADER_ALLOWED_HOSTS": "desk.example", "CRACKTRADER_RATE_LIMIT": "100"}
    with Web(tmp_path, **env) as web:
        url, host = f"http://127.0.0.1:{web.port}", {"Host": "desk.example"}
        plain = httpx.get(f"{url}/admin/login/", headers=host)
        assert plain.status_code == 301
        assert plain.headers["Location"] == "https://desk.example/admin/login/"
        for name, status in ((f"localhost:{web.port}", 200), ("desk.example", 200), ("evil", 400)):
            asked = httpx.get(f"{url}/api/v1/health", headers={"Host": name})
            assert asked.status_code == status
        web.manage("create_key", "x", "--scopes", "read", "--quiet")
        secure = {**host, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
        page = httpx.get(f"{url}/admin/login/", headers=secure)
        assert page.status_code == 200
        assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        subprocess.run(
            [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username", "ann",
             "--email", "ann@desk.example"],
            env=web.env | {"DJANGO_SUPERUSER_PASSWORD": "correct horse battery"}, cwd=ROOT,
            check=True, capture_output=True,
        )  # fmt: skip
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None
        form = {"username": "ann", "password": "correct horse battery"}
        entered = httpx.post(
            f"{url}/admin/login/?next=/admin/", data=form | {"csrfmiddlewaretoken": token[1]},
            headers=secure | {
                "Origin": "https://desk.example",
                "Cookie": page.headers["Set-Cookie"].partition(";")[0],
            },
        )  # fmt: skip
        assert entered.status_code == 302, entered.text[:300]
        cookies = entered.headers.get_list("Set-Cookie")
        assert {cookie.partition("=")[0] for cookie in cookies} == {
            "__Host-sessionid", "__Host-csrftoken",
        }  # fmt: skip
        for cookie in cookies:
            assert {"Secure", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
