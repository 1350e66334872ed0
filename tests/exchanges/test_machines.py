"""Machines on one database: who may join, and who may not."""

from __future__ import annotations

import contextlib
import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from exchanges import machines, services
from exchanges.domain import InvalidInput, Timeframe
from exchanges.models import CandleSeries, Exchange, Machine
from exchanges.services.candles import ensure_bars
from runs import health
from runs.models import Heartbeat

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="a SQLite is one machine's own (see make check)"
    ),
]

KEYS = ("a" * 43 + "=", "b" * 43 + "=")


@pytest.fixture
def at(monkeypatch: Any, settings: Any) -> Any:
    """`at("beta")`: from now on this process is of that machine."""

    def go(name: str, instance: str = "") -> None:
        monkeypatch.setattr(machines, "HOST", name)
        monkeypatch.setattr(machines, "instance", lambda: instance or f"of {name}")

    go("alpha")
    settings.CREDENTIALS_KEY = []
    return go


def silent(name: str, **ago: float) -> None:
    Machine.objects.filter(name=name).update(seen_at=timezone.now() - timedelta(**ago))


def test_machines_that_fit_join_and_are_listed(at: Any) -> None:
    assert machines.join() is True
    assert machines.join() is False
    at("beta")
    machines.join()
    assert [machine.name for machine in machines.present()] == ["alpha", "beta"]
    told = io.StringIO()
    call_command("machines", stdout=told)
    assert "beta (this one)" in told.getvalue()
    silent("alpha", minutes=1)
    assert [machine.name for machine in machines.present()] == ["beta"]


def test_a_second_machine_of_one_name_is_refused_while_the_first_is_at_work(
    at: Any, monkeypatch: Any
) -> None:
    machines.join()
    at("alpha", "another")
    monkeypatch.setattr(machines.time, "sleep", lambda seconds: silent("alpha", seconds=1))
    with pytest.raises(ImproperlyConfigured, match="Another machine called 'alpha'"):
        machines.join()


def test_a_name_is_free_once_its_machine_is_silent(at: Any, monkeypatch: Any) -> None:
    machines.join()
    first = machines.Stay(ticks=True)
    assert first.renewed()
    at("alpha", "another")
    monkeypatch.setattr(machines, "PERIOD_SECONDS", 0.0)
    machines.join()
    assert machines.Stay().renewed()
    at("alpha")
    assert not machines.Stay().renewed(), "the first one's ticker judges no pids any more"


def test_a_machine_with_another_secret_is_refused_until_the_others_are_forgotten(
    at: Any, settings: Any
) -> None:
    machines.join()
    at("beta")
    settings.SECRET_KEY = "another"
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not the one of machine alpha"):
        machines.join()
    with pytest.raises(CommandError, match="at work"):
        call_command("machines", forget="alpha")
    silent("alpha", hours=1)
    with pytest.raises(ImproperlyConfigured, match="machines --forget alpha"):
        machines.join()
    call_command("machines", forget="alpha", stdout=io.StringIO())
    machines.join()


@pytest.mark.parametrize(
    ("here", "there", "fits"),
    [
        (KEYS[:1], KEYS[:1], True),
        (KEYS[:1], KEYS[1:], False),
        (KEYS, KEYS[:1], True),
        (KEYS, KEYS[::-1], True),
        # The second would encrypt with what the first cannot read.
        (KEYS[:1], KEYS[::-1], False),
        (KEYS[1:], KEYS, False),
        (KEYS, (), True),
    ],
)
def test_each_machine_must_read_what_the_others_encrypt(
    at: Any, settings: Any, here: Any, there: Any, fits: bool
) -> None:
    settings.CREDENTIALS_KEY = list(here)
    machines.join()
    at("beta")
    settings.CREDENTIALS_KEY = list(there)
    if fits:
        machines.join()
        return
    with pytest.raises(ImproperlyConfigured, match="CREDENTIALS_KEY does not go with"):
        machines.join()


def test_a_clock_that_is_far_off_is_refused_and_one_a_little_off_is_told(
    at: Any, monkeypatch: Any, settings: Any
) -> None:
    assert abs(machines.skew_seconds()) < 0.5, "the database is on this machine"
    settings.RUN_LEASE_SECONDS = 30
    monkeypatch.setattr(machines, "skew_seconds", lambda: -12.0)
    with pytest.raises(ImproperlyConfigured, match=r"12\.0 s behind the database's"):
        machines.join()
    monkeypatch.setattr(machines, "skew_seconds", lambda: 2.5)
    machines.join()
    status, told = health._machines({})
    assert status == "degraded"
    assert "the clock of alpha is +2.5 s off" in told


def test_health_tells_of_different_code_and_of_workers_that_nobody_looks_after(at: Any) -> None:
    machines.join()
    machines.Stay(ticks=True).renewed()
    at("beta")
    machines.join()
    now = timezone.now()
    for host in ("alpha", "beta"):
        Heartbeat.objects.create(
            name=host, cluster="jobs", host=host, pid=1, workers=1, started_at=now, seen_at=now
        )
    assert health._machines({}) == (
        "degraded",
        "at work: alpha, beta; beta has task workers and no ticker",
    )
    machines.Stay(ticks=True).renewed()
    assert health._machines({}) == ("ok", "at work: alpha, beta")
    Machine.objects.filter(name="beta").update(versions={"code": "0123456789"})
    status, told = health._machines({})
    assert status == "degraded"
    assert "different code" in told


def test_one_that_was_silent_for_a_week_is_forgotten_with_its_candles(at: Any) -> None:
    machines.join()
    at("beta")
    machines.join()
    venue = Exchange.objects.create(name="v", title="V")
    market = {"exchange": venue, "timeframe": "1h", "machine": "alpha"}
    CandleSeries.objects.create(symbol="A/B", **market)
    CandleSeries.objects.create(symbol="C/D", imported=[[0, 1]], **market)
    silent("alpha", days=8)
    machines.Stay(ticks=True).renewed()
    assert [machine.name for machine in Machine.objects.all()] == ["beta"]
    assert CandleSeries.objects.get().symbol == "C/D", "no venue tells it again if it comes back"
    machines.forget(["alpha"])
    assert not CandleSeries.objects.exists()


def test_no_run_is_computed_on_other_candles_than_were_imported(at: Any) -> None:
    services.sync_exchanges()
    venue = Exchange.objects.get(name="binance")
    hour = Timeframe.parse("1h").ms
    CandleSeries.objects.create(
        exchange=venue,
        symbol="BTC/USDT",
        timeframe="1h",
        machine="beta",
        imported=[[100 * hour, 200 * hour]],
    )
    machines.join()
    at("beta")
    machines.join()
    at("alpha")
    with pytest.raises(InvalidInput, match="were imported on beta and not on alpha") as error:
        ensure_bars("binance", ["BTC/USDT"], "1h", 150 * hour, 300 * hour)
    assert (error.value.code, error.value.details["machines"]) == ("NO_CANDLES", ["beta"])


def test_machines_take_turns_by_a_transaction_and_no_session() -> None:
    def held() -> list[tuple[int, bool]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT pid, pid <> pg_backend_pid() AND xact_start IS NOT NULL"
                " FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE locktype = 'advisory' AND datname = current_database()"
            )
            return cursor.fetchall()

    with contextlib.suppress(KeyError), machines.one_at_a_time():
        ((first, by_a_transaction),) = held()
        raise KeyError
    assert by_a_transaction
    assert held() == []
    with machines.one_at_a_time():
        # `serve` takes its turn, and so does `migrate` within it.
        with machines.one_at_a_time():
            pass
        ((second, _),) = held()
    assert first != second
