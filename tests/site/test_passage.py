"""What programs' requests leave out on their way to a view, and that nobody misses it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cracktrader_site import passage
from cracktrader_site.api import keys
from cracktrader_site.pools import Pool
from tests.site.api import API

APP = "https://app.example"
FOREIGN = {"origin": "https://elsewhere.example"}
# Nobody's: it only has the request take the way of pages.
A_COOKIE = {"cookie": "theme=dark"}
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
    "browsing-topics=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "X-Cracktrader-API-Version": "v1",
}


def test_what_a_page_passes_through_and_a_program_does_not():
    assert [name for name in configured.MIDDLEWARE if name not in passage.of_programs()] == [
        "cracktrader_site.browsers.BrowserPolicy",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "cracktrader_site.ui.guard.PageGuard",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "cracktrader_site.logins.AtWork",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "django_htmx.middleware.HtmxMiddleware",
        "axes.middleware.AxesMiddleware",
    ]
    assert passage.of_programs() == [
        "cracktrader_site.metrics.Counting",
        "cracktrader_site.request_ids.Named",
        "cracktrader_site.proxies.ForwardedProto",
        "django.middleware.security.SecurityMiddleware",
        "cracktrader_site.browsers.DataPolicy",
        "cracktrader_site.api.cors.ListedOrigins",
        "cracktrader_site.api.middleware.ApiGuard",
        "cracktrader_site.api.middleware.Sealed",
    ]


def test_nothing_is_left_out_that_is_not_there():
    assert set(passage.OF_PAGES) <= set(configured.MIDDLEWARE)


@pytest.mark.parametrize(
    ("path", "headers", "programs"),
    [
        (f"{API}/meta", {"authorization": "Bearer x"}, True),
        (f"{API}/nowhere", {"authorization": "Bearer x"}, True),
        (f"{API}/meta", {}, False),
        (f"{API}/meta", {"authorization": "Bearer x"} | A_COOKIE, False),
        (f"{API}/docs", {"authorization": "Bearer x"}, False),
        (f"{API}/redoc", {"authorization": "Bearer x"}, False),
        ("/api", {"authorization": "Bearer x"}, False),
        ("/metrics", {"authorization": "Bearer x"}, False),
        ("/ui/", {"authorization": "Bearer x"}, False),
    ],
)
def test_a_program_brings_a_key_where_keys_are_asked_for_and_no_cookie(
    rf, settings, path, headers, programs
):
    settings.AUTH = True
    assert passage.is_programs(rf.get(path, headers=headers)) is programs


def test_without_keys_whoever_brings_no_cookie_is_a_program(rf):
    assert passage.is_programs(rf.get(f"{API}/meta"))
    assert not passage.is_programs(rf.get(f"{API}/meta", headers=A_COOKIE))


# --- the same answers either way -------------------------------------------------------------


@pytest.fixture
def key(db: None, settings: Any) -> dict[str, str]:
    settings.AUTH, settings.RATE_LIMIT = True, 5
    settings.CORS_ALLOWED_ORIGINS = [APP]
    return {"authorization": f"Bearer {keys.create('bot', ['read'], 'command')[1]}"}


def headers_of(answer: Any) -> dict[str, str]:
    # Of each request its own: its name, and how much of the limit it left.
    own = ("X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    return {name: value for name, value in answer.headers.items() if name not in own}


def way_of(answer: Any) -> str:
    return "pages" if hasattr(answer.wsgi_request, "session") else "programs"


@pytest.mark.parametrize(
    ("status", "method", "path", "headers"),
    [
        (200, "get", "/meta", {}),
        (200, "get", "/status", {"x-request-id": "named-by-us"}),
        (200, "get", "/schema", {}),
        (200, "head", "/meta", {}),
        (200, "get", "/meta", {"origin": APP}),
        (400, "get", "/meta?typo=1", {}),
        (400, "get", "/meta", {"host": "elsewhere.example"}),
        (403, "get", "/meta", FOREIGN),
        (403, "post", "/run/stop", {}),
        (404, "get", "/nowhere", {}),
        (404, "get", "/meta/", {}),
        (404, "get", "/runs/00000000-0000-4000-8000-000000000000", {}),
        (405, "delete", "/meta", {}),
        (405, "options", "/meta", {}),
    ],
)
def test_an_answer_has_the_same_headers_whichever_way_the_request_took(
    client, key, status, method, path, headers
):
    ask = getattr(client, method)
    programs = ask(API + path, headers=key | headers)
    pages = ask(API + path, headers=key | headers | A_COOKIE)
    assert programs.status_code == pages.status_code == status
    assert headers_of(programs) == headers_of(pages)
    assert programs.content == pages.content
    assert programs.headers.items() >= SECURITY.items()
    assert programs.headers["X-Request-Id"]
    if status in (200, 405) and "nowhere" not in path:
        assert way_of(programs) == "programs"
        assert way_of(pages) == "pages"
        assert programs["X-Frame-Options"] == "DENY"
        assert int(programs["Content-Length"]) >= len(programs.content)


def test_a_key_that_is_none_and_one_used_up_are_refused_the_same_either_way(client, key):
    for wrong in ({"authorization": "Bearer nobody's"}, {"authorization": "Basic eA=="}):
        found = [client.get(f"{API}/meta", headers=wrong | more) for more in ({}, A_COOKIE)]
        assert [way_of(answer) for answer in found] == ["programs", "pages"]
        assert {answer.status_code for answer in found} == {401}
        assert headers_of(found[0]) == headers_of(found[1])
        assert found[0].headers.items() >= SECURITY.items()
    left = [
        client.get(f"{API}/meta", headers=key | more)["X-RateLimit-Remaining"]
        for more in ({}, A_COOKIE, {}, A_COOKIE, {})
    ]
    assert left == ["4", "3", "2", "1", "0"]
    found = [client.get(f"{API}/meta", headers=key | more) for more in ({}, A_COOKIE)]
    assert {answer.status_code for answer in found} == {429}
    programs, pages = map(headers_of, found)
    assert abs(int(programs.pop("Retry-After")) - int(pages.pop("Retry-After"))) <= 1
    for headers in (programs, pages):
        headers.pop("Content-Length")
    assert programs == pages
    assert programs.items() >= SECURITY.items()


def test_a_preflight_is_answered_and_counted_as_nobodys(client, key):
    asked = {"origin": APP, "access-control-request-method": "GET"}
    answer = client.options(f"{API}/runs", headers=asked)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == APP
    assert answer["Access-Control-Max-Age"] == "600"
    assert "X-RateLimit-Limit" not in answer.headers


def test_the_schemas_pages_keep_what_pages_have(client, key):
    answer = client.get(f"{API}/docs", headers=key)
    assert way_of(answer) == "pages"
    assert answer["X-Frame-Options"] == "DENY"
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_a_session_is_known_and_must_bring_its_token(admin_user, settings):
    settings.AUTH = True
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin_user)
    assert browser.get(f"{API}/meta").json()["caller"]["name"] == f"admin:{admin_user}"
    answer = browser.post(f"{API}/run/stop", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "CSRF_FAILED")


def test_no_path_of_the_api_waits_for_a_slash_or_a_file():
    """For which `CommonMiddleware` and whitenoise would look."""
    assert not f"/{configured.STATIC_URL}".startswith("/api/")
    assert [path for path in _paths(get_resolver()) if path.startswith("api/")]
    assert not [
        path for path in _paths(get_resolver()) if path.startswith("api/") and path.endswith("/")
    ]


def _paths(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        path = before + str(one.pattern).strip("^$")
        if isinstance(one, URLPattern):
            yield path
        else:
            yield from _paths(one, path)


def test_a_views_fault_is_an_answer_and_not_the_servers_end(client, db, monkeypatch, caplog):
    from cracktrader_site.api import meta

    def broken(request: Any) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(meta, "refuse_unknown_query", broken)
    answer = client.get(f"{API}/meta")
    assert answer.json()["error"]["code"] == "INTERNAL_ERROR"
    assert "inside" not in answer.content.decode()
    assert "inside" in caplog.text


class Looking:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        return None


def test_a_middleware_that_wants_to_see_views_is_refused_at_the_start(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Looking"]
    with pytest.raises(ImproperlyConfigured, match="Looking"):
        passage.part(BaseHandler())


# --- threads ---------------------------------------------------------------------------------

ASKER: ContextVar[str] = ContextVar("asker", default="nobody")


def test_a_pool_answers_with_what_was_returned_or_raised_in_the_askers_context():
    async def ask() -> None:
        pool = Pool(2, "asked")
        ASKER.set("ann")
        assert await pool.run(ASKER.get) == "ann"
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 / 0)
        found = await asyncio.gather(*(pool.run(pow, 2, n) for n in range(50)))
        assert found == [2**n for n in range(50)]

    asyncio.run(ask())


def test_a_call_that_nobody_awaits_any_more_is_not_made():
    made: list[int] = []

    async def ask() -> None:
        pool, go = Pool(1, "asked"), threading.Event()
        first = pool.run(go.wait, 10)
        second = pool.run(made.append, 2)
        second.cancel()
        third = pool.run(made.append, 3)
        go.set()
        await asyncio.gather(first, third)

    asyncio.run(ask())
    assert made == [3]


def test_a_loop_that_ended_meanwhile_hurts_no_thread():
    pool, go = Pool(1, "asked"), threading.Event()

    async def leave() -> None:
        pool.run(go.wait, 10)

    async def ask() -> int:
        return await pool.run(pow, 2, 3)

    asyncio.run(leave())
    go.set()
    assert asyncio.run(ask()) == 8


def test_threads_begin_with_the_first_call_and_end_with_their_pool():
    def threads() -> int:
        return sum(thread.name.startswith("counted_") for thread in threading.enumerate())

    async def ask(pool: Pool) -> None:
        await pool.run(int)

    pool = Pool(3, "counted")
    assert threads() == 0
    asyncio.run(ask(pool))
    assert threads() == 3
    del pool
    gc.collect()
    deadline = time.monotonic() + 60
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() == 0
