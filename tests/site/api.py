"""The API in process: a desk with finished runs, and what every answer must be."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from cracktrader_site.api.errors import ERROR_CODES
from cracktrader_site.api.models import ApiKey, AuditEntry
from exchanges.models import Exchange
from exchanges.services import sync_exchanges
from runs.engine.warming import warm_up
from runs.examples import BACKTEST_BODY, PAPER_BODY
from runs.models import Event, Run, Runner, Sweep
from strategies.models import Strategy, StrategyVersion
from strategies.services import sync_strategies
from tests import messages
from tests.runs import finished as made

API = "/api/v1"
BACKTEST, LIVE = "/run/backtest", "/run/live"
GOOD = BACKTEST_BODY | {"exchange": "simulated"}
HUGE = "x" * 200_000
LONGEST_SECONDS = 10.0
LONGEST_MESSAGE = 3_000
LONGEST_ERROR = 40_000


@contextlib.contextmanager
def committed_desk(blocker: Any) -> Iterator[None]:
    """Strategies and venues, committed for a module's tests and gone after them."""
    with blocker.unblock():
        sync_exchanges()
        sync_strategies()
        warm_up()
        try:
            yield
        finally:
            left = [row for model in (ApiKey, AuditEntry, User) for row in model.objects.all()]
            messages.clear()
            Event.objects.all().delete()
            Run.objects.all().delete()
            Runner.objects.all().delete()
            Sweep.objects.all().delete()
            Strategy.objects.update(current=None)
            StrategyVersion.objects.all().delete()
            Strategy.objects.all().delete()
            Exchange.objects.all().delete()
            connection.close()
            assert not left, f"A test that did not ask for `db` left {left}"


def finished_runs() -> dict[str, Run]:
    """One run in each state, each come to honestly."""
    runs = {
        "completed": made.finished(symbols=["BTC/USDT", "ETH/USDT"], stop_loss=0.03),
        "no_trades": made.finished(
            strategy_params={"fast_period": 400, "slow_period": 500},
            start_date="2024-01-01T00:00:00Z",
            end_date="2024-01-01T04:00:00Z",
        ),
        "failed": _failed(),
        "stopped": _stopped(),
        "running": _running(),
        "starting": made.start(),
    }
    return {name: Run.objects.get(pk=run.pk) for name, run in runs.items()}


def _failed() -> Run:
    from exchanges.domain import VenueError
    from runs import leases, recorder

    run = made.start()
    claimed = leases.claim(run.id)
    assert claimed is not None
    recorder.fail(claimed[0], VenueError("VENUE_UNREACHABLE", "no way there", venue="simulated"))
    return run


def _stopped() -> Run:
    from runs import services

    return services.request_stop(made.start())


def _running() -> Run:
    from runs import leases

    run = made.start()
    claimed = leases.claim(run.id)
    assert claimed is not None
    leases.renew(claimed[0], stage="signals of BTC/USDT", progress=0.5)
    return run


def get(client: Client, path: str, **query: Any) -> Any:
    """The body of a 200; JSON as strict parsers read it."""
    answer = client.get(API + path, query)
    assert answer.status_code == 200, answer.content[:500]
    assert answer["Content-Type"] == "application/json"
    return strict_json(answer.content)


def post(client: Client, path: str, body: Any, **headers: Any) -> Any:
    """`body` as JSON, or as it is where it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(API + path, content, content_type="application/json", headers=headers)


def start(client: Client, **changes: Any) -> Any:
    return post(client, BACKTEST, GOOD | changes)


def live(client: Client, **changes: Any) -> Any:
    return post(client, LIVE, PAPER_BODY | changes)


def tables_with(text: str) -> list[str]:
    """Tables of the whole database that hold `text` in any column of any row."""
    found = []
    for table in sorted(connection.introspection.table_names()):
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = cursor.fetchall()
        if any(text in str(value) for row in rows for value in row):
            found.append(table)
    return found


def strict_json(content: bytes) -> Any:
    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(content, parse_constant=refuse)


def error(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """The error of an answer that must be one, in the envelope and of modest size."""
    assert answer.status_code == status, (answer.status_code, answer.content[:500])
    assert answer["Content-Type"] == "application/json"
    assert len(answer.content) < LONGEST_ERROR
    body = strict_json(answer.content)
    assert set(body) == {"error"}
    found: dict[str, Any] = body["error"]
    assert set(found) == {"code", "message", "details"}
    assert found["code"] in ERROR_CODES
    assert ERROR_CODES[found["code"]][0] == status
    assert isinstance(found["message"], str)
    assert found["message"]
    assert len(found["message"]) < LONGEST_MESSAGE
    assert isinstance(found["details"], dict)
    if code is not None:
        assert found["code"] == code, found
    return found


@pytest.fixture(scope="module")
def desk(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with committed_desk(django_db_blocker):
        yield


def paper_runs() -> dict[str, Run]:
    """Paper runs in each state, each come to honestly."""
    from runs import services
    from tests.runs.papers import begin, rehearse, slices

    both = ["BTC/USDT", "ETH/USDT"]
    stopping = slices(rehearse(), 3)
    services.request_stop(stopping, flatten=True)
    stopped = slices(rehearse(symbols=both), 3)
    services.request_stop(stopped)
    runs = {
        "replaying": slices(rehearse(symbols=both), 3),
        "replayed": slices(rehearse(symbols=both)),
        "flattening": slices(stopping, 0),
        "stopped on the way": slices(stopped),
        "limited": slices(rehearse(stop_loss=None, daily_loss=0.01)),
        "without candles": slices(rehearse(replay={"end_date": "1971-01-01T00:00:00Z"})),
        "recorded": rehearse(),
        "on live bars": slices(begin()),
    }
    return {name: Run.objects.get(pk=run.pk) for name, run in runs.items()}


PAPER_STATES = {
    "replaying": "running",
    "replayed": "completed",
    "flattening": "stopping",
    "stopped on the way": "stopped",
    "limited": "stopped",
    "without candles": "failed",
    "recorded": "starting",
    "on live bars": "running",
}


@pytest.fixture(scope="module")
def papers(desk: None, django_db_blocker: Any) -> dict[str, Run]:
    with django_db_blocker.unblock():
        return paper_runs()


@pytest.fixture(scope="module")
def runs(desk: None, django_db_blocker: Any) -> dict[str, Run]:
    with django_db_blocker.unblock():
        return finished_runs()
