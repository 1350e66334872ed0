"""What is kept on PostgreSQL as on SQLite, and what the settings say of either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from cracktrader_site import databases, env
from cracktrader_site.api.models import AuditEntry
from cracktrader_site.postgresql.base import held, held_json
from exchanges.json_text import written_out
from runs import waking
from tests import servers
from tests.desk import ROOT

ANYTHING = st.text(st.characters(codec=None) | st.sampled_from("\0\ud800\udc00\\u\"'d"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANYTHING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANYTHING, inner, max_size=3),
)


@given(ANYTHING)
def test_text_loses_nothing_but_what_postgresql_cannot_hold(text: str) -> None:
    kept = held(text)
    assert len(kept) == len(text)
    for before, after in zip(text, kept, strict=True):
        assert after == ("\ufffd" if before == "\0" or 0xD800 <= ord(before) < 0xE000 else before)


@given(JSON)
def test_json_is_text_that_postgresql_takes(value: object) -> None:
    def kept(value: object) -> object:
        if isinstance(value, str):
            # Two halves side by side are a whole in JSON.
            return held(json.loads(json.dumps(value)))
        if isinstance(value, list):
            return list(map(kept, value))
        if isinstance(value, dict):
            return {kept(key): kept(inner) for key, inner in value.items()}
        return value

    found = json.loads(held_json(value))
    assert found == kept(value)
    # A float is no integer, however large it is.
    assert json.dumps(found) == json.dumps(kept(value))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)), st.lists(ANYTHING))
def test_numbers_are_written_out_and_text_is_left(numbers: list[float], words: list[str]) -> None:
    found = held_json(numbers)
    assert "e+" not in found
    assert json.dumps(json.loads(found)) == json.dumps(numbers)
    assert written_out(orjson.dumps(numbers).decode()).replace(",", ", ").count("e+") == 0
    assert written_out(json.dumps([*words, "1e+16"])) == json.dumps([*words, "1e+16"])


@pytest.mark.parametrize(
    "url",
    ["mysql://u:secret@h/n", "postgres://u:secret@h", "postgres://u:secret@h:x/n", "secret", "://"],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_TEST", url)
    with pytest.raises(ImproperlyConfigured, match="X_TEST is not a postgres") as refused:
        env.database("X_TEST", "h")
    assert "secret" not in str(refused.value)
    env.REGISTRY.pop("X_TEST", None)


def test_an_addresss_own_options_stand() -> None:
    found = databases.postgresql("postgresql://u:p%40@h:5433/n?sslmode=require&connect_timeout=9")
    assert (found["HOST"], found["PORT"], found["NAME"], found["PASSWORD"]) == (
        "h",
        5433,
        "n",
        "p@",
    )
    assert found["OPTIONS"]["sslmode"] == "require"
    assert int(found["OPTIONS"]["connect_timeout"]) == 9
    assert found["CONN_HEALTH_CHECKS"]
    assert found["CONN_MAX_AGE"] is None


def test_through_a_pooler_nothing_is_asked_of_a_session() -> None:
    address = "postgres://u@h/n?sslmode=require"
    direct, pooled = databases.postgresql(address), databases.pooled(databases.postgresql(address))
    assert "lock_timeout" in direct["OPTIONS"].pop("options")
    assert pooled["OPTIONS"] == direct["OPTIONS"]
    assert pooled["DISABLE_SERVER_SIDE_CURSORS"]
    assert not direct["DISABLE_SERVER_SIDE_CURSORS"]


def test_events_are_looked_for_where_a_pooler_would_hear_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", False)
    assert waking.Sleeper().can_be_woken == (connection.vendor == "postgresql")
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert not waking.Sleeper().can_be_woken


def test_redis_has_the_queue_and_counts_requests_where_it_is_named(tmp_path: Path) -> None:
    code = (
        "import json, django; from django.conf import settings as s; "
        "print(json.dumps([s.Q_CLUSTER['broker_class'], s.RATE_STORE, "
        "s.DATABASES['default']['ENGINE']]))"
    )

    def told(**given: str) -> list[str]:
        names = {
            "CRACKTRADER_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "cracktrader_site.settings",
        }
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CRACKTRADER_", "REDIS"))}
        clean.pop("DATABASE_URL", None)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=clean | names | given, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found: list[str] = json.loads(done.stdout)
        return found

    alone = told()
    assert alone == ["runs.broker.LeanOrm", "", "django.db.backends.sqlite3"]
    url = "redis://127.0.0.1:1/3"
    together = told(REDIS_URL=url, DATABASE_URL="postgres://u@127.0.0.1:1/n")
    assert together == ["runs.redis_broker.Bells", url, "cracktrader_site.postgresql"]
    apart = told(REDIS_URL=url, CRACKTRADER_RATE_STORE="redis://127.0.0.1:1/4")
    assert apart[:2] == ["runs.redis_broker.Bells", "redis://127.0.0.1:1/4"]


@pytest.mark.django_db
def test_numbers_in_json_are_read_as_they_were_written() -> None:
    numbers = [1e16, -1.5e300, 1.7976931348623157e308, 123456789012345680.0, 5e-324, 2**63, 1.0]
    entry = AuditEntry.objects.create(who="x", action="a", target="t", detail={"n": numbers})
    entry.refresh_from_db()
    assert list(map(repr, entry.detail["n"])) == list(map(repr, numbers))


@pytest.mark.django_db
@pytest.mark.skipif(not servers.wanted(), reason="of PostgreSQL")
def test_odd_text_is_kept_and_found() -> None:
    odd = 'a\0\ud800\\u0000"é'
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s || '!'", [odd])
        assert cursor.fetchone()[0] == 'a\ufffd\ufffd\\u0000"é!'
    entry = AuditEntry.objects.create(who="x", action=odd, target="t", detail={odd: [odd]})
    entry.refresh_from_db()
    assert entry.detail == {held(odd): [held(odd)]}
    assert AuditEntry.objects.get(action=odd) == entry
