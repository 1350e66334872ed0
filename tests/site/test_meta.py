"""GET /meta and the version that every answer names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from cracktrader_site.api import keys
from tests.site.api import API, strict_json

pytestmark = pytest.mark.django_db


def meta(**headers: str) -> Any:
    answer = Client().get(f"{API}/meta", headers=headers)
    assert answer.status_code == 200, answer.content
    return strict_json(answer.content)


def test_it_tells_a_key_what_it_is_and_may(settings):
    settings.AUTH, settings.LIVE_TRADING, settings.RATE_LIMIT = True, True, 70
    ends = datetime(2100, 1, 1, tzinfo=UTC)
    key, text = keys.create("notebook", ["paper", "read"], "command", ends)
    told = meta(Authorization=f"Bearer {text}")
    assert told["caller"] == {
        "name": "notebook",
        "key_prefix": f"ct_{key.prefix}",
        "scopes": ["read", "paper"],
        "expires_at": "2100-01-01T00:00:00Z",
    }
    assert (told["authentication"], told["live_trading"]) == (True, True)
    assert told["limits"]["requests_per_minute"] == 70
    assert text not in str(told)


@pytest.mark.parametrize("scope", keys.SCOPES)
def test_any_scope_will_do(settings, scope):
    settings.AUTH = True
    _, text = keys.create("one", [scope], "command")
    assert meta(Authorization=f"Bearer {text}")["caller"]["scopes"] == [scope]


def test_without_authentication_there_is_nobody_to_name(settings):
    settings.RATE_LIMIT, settings.LIVE_TRADING = 0, True
    told = meta(Authorization="Bearer anything")
    assert told["caller"] == {
        "name": None, "key_prefix": None, "scopes": ["read", "backtest", "paper"],
        "expires_at": None,
    }  # fmt: skip
    assert told["live_trading"] is False
    assert told["limits"]["requests_per_minute"] is None


def test_limits_are_the_ones_in_force(settings):
    settings.MAX_SYMBOLS, settings.MAX_BARS = 3, 4
    limits = meta()["limits"]
    assert (limits["symbols_per_run"], limits["bars_per_run"]) == (3, 4)
    assert limits["body_bytes"] == settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert timedelta(hours=limits["idempotency_hours"]) == timedelta(days=1)


def test_whoever_is_refused_for_too_much_could_have_read_so_before(settings):
    settings.MAX_ACTIVE, settings.MAX_ACTIVE_SWEEPS, settings.MAX_TRIALS = 7, 0, 8
    settings.RATE_LIMIT_PAPER, settings.BACKTEST_TIMEOUT, settings.WS_CONNECTIONS = 5, 9, 11
    limits = meta()["limits"]
    named = ("active_runs", "active_sweeps", "trials_per_sweep", "seconds_per_backtest")
    assert [limits[name] for name in named] == [7, None, 8, 9]
    assert limits["connections"] == 11
    scoped = limits["requests_per_minute_by_scope"]
    assert scoped == {"backtest": None, "paper": 5, "live": None}


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/runs", "rows_per_page"), ("/sweeps", "rows_per_page")],
)
def test_the_longest_page_is_as_long_as_it_says(path, limit):
    longest = meta()["limits"][limit]
    assert Client().get(f"{API}{path}?limit={longest}").status_code == 200
    refused = Client().get(f"{API}{path}?limit={longest + 1}")
    assert refused.status_code == 400
    assert strict_json(refused.content)["error"]["details"]["maximum"] == longest


def test_the_schemas_example_names_every_limit():
    from cracktrader_site.api.meta import _EXAMPLE

    told, shown = meta()["limits"], _EXAMPLE.value["limits"]
    assert list(shown) == list(told)


@pytest.mark.parametrize(
    ("path", "status"), [("/meta", 200), ("/status?x=1", 400), ("/nowhere", 404), ("/schema", 200)]
)
def test_every_answer_names_the_version_of_the_api(path, status):
    answer = Client().get(API + path)
    assert answer.status_code == status
    assert answer["X-Cracktrader-API-Version"] == meta()["api_version"] == "v1"
