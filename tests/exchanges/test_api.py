from __future__ import annotations

import ccxt  # noqa: TID251
import pytest

from exchanges import services
from exchanges.models import Exchange

pytestmark = pytest.mark.django_db
URL = "/api/v1/exchanges"


@pytest.fixture(autouse=True)
def _venues():
    services.sync_exchanges()


def test_the_common_venues_are_listed_with_all_a_client_needs(client):
    answer = client.get(URL)
    assert answer.status_code == 200
    rows = {row["id"]: row for row in answer.json()["exchanges"]}
    assert list(rows) == sorted(rows)
    assert rows["binance"] == {
        "id": "binance",
        "name": "Binance",
        "builtin": False,
        "sandbox": True,
        "sandbox_note": Exchange.objects.get(name="binance").note,
        "timeframes": rows["binance"]["timeframes"],
        "fees": {"taker": 0.001, "maker": 0.001},
        "credentials": ["apiKey", "secret"],
        "websocket": True,
    }
    assert rows["simulated"]["builtin"]
    assert rows["simulated"]["credentials"] == []


def test_all_lists_every_venue_of_ccxt(client):
    rows = client.get(URL, {"all": "true"}).json()["exchanges"]
    assert {row["id"] for row in rows} == {"simulated", *ccxt.exchanges}
    assert len(client.get(URL, {"all": "false"}).json()["exchanges"]) < 20


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("all=1", "INVALID_TYPE"),
        ("all=", "INVALID_TYPE"),
        ("all=True", "INVALID_TYPE"),
        ("all=true&all=true", "INVALID_TYPE"),
        ("al=true", "UNKNOWN_FIELD"),
        ("all=true&x=%00", "UNKNOWN_FIELD"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(client, query, code):
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


def test_one_query_lists_everything(client, django_assert_num_queries):
    client.get(URL)
    with django_assert_num_queries(1):
        client.get(URL, {"all": "true"})
