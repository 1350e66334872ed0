from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from exchanges import services
from exchanges.models import Exchange
from tests.exchanges.tools import HOUR_MS, T0

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _venues(candles_dir):
    services.sync_exchanges()


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def fails(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    text = str(error.value)
    assert "\n" not in text
    return text


FETCH = ("fetch_candles", "simulated", "BTC/USDT", "1h", "--start", "2024-01-01")


def test_fetch_candles_says_what_is_held_afterwards():
    text = run(*FETCH, "--end", "2024-01-03")
    assert "BTC/USDT 1h: 48 candles, 2024-01-01 00:00 to 2024-01-02 23:00, 0 gaps" in text


def test_fetch_candles_takes_several_symbols_and_prints_json():
    arguments = list(FETCH)
    arguments[2] = "BTC/USDT,ETH/USDT"
    rows = json.loads(run(*arguments, "--end", "2024-01-02T00:00:00+00:00", "--json"))
    assert [(row["symbol"], row["rows"]) for row in rows] == [("BTC/USDT", 24), ("ETH/USDT", 24)]


def test_fetch_candles_takes_a_day_as_its_midnight_in_utc_and_a_time_with_its_zone():
    text = run(*FETCH[:5], "2024-01-01T12:00+02:00", "--end", "2024-01-02")
    assert "14 candles, 2024-01-01 10:00 to 2024-01-01 23:00" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*FETCH, "--end", "2023-01-01"), "start must be before"),
        ((*FETCH[:5], "yesterday"), "is not a date"),
        ((*FETCH[:5], "2024-01-01T12:00"), "NAIVE_DATETIME: say the time zone"),
        ((*FETCH, "--end", "2024-01-02 12:00"), "NAIVE_DATETIME: say the time zone"),
        ((*FETCH[:5], "2024-01-01T12"), "NAIVE_DATETIME: say the time zone"),
        (("fetch_candles", "nowhere", *FETCH[2:]), "UNKNOWN_EXCHANGE"),
        (("fetch_candles", "simulated", "NO/SUCH", *FETCH[3:]), "INVALID_SYMBOL"),
        (("fetch_candles", "simulated", "BTC/USDT", "7h", *FETCH[4:]), "UNKNOWN_TIMEFRAME"),
        (("candles", "--exchange", "nowhere"), "UNKNOWN_EXCHANGE"),
        (("add_exchange", "x", "--ccxt", "nope"), "UNKNOWN_EXCHANGE"),
        (("add_exchange", "x", "--ccxt", "binance", "--url", "nope"), "INVALID_URL"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, message):
    assert message in fails(*arguments)


def test_a_venue_out_of_reach_is_said_in_one_line(settings):
    settings.VENUE_RETRIES = 0
    run("add_exchange", "gone", "--ccxt", "binance", "--url", "http://127.0.0.1:9")
    assert "VENUE_UNREACHABLE" in fails("fetch_candles", "gone", *FETCH[2:])


def test_import_candles_reports_rows_rejections_and_gaps(tmp_path):
    path = tmp_path / "candles.csv"
    path.write_text(
        "timestamp,open,high,low,close,volume\n"
        f"{T0},1,2,1,2,5\n{T0 + HOUR_MS},1,2,1,2,-5\n{T0 + 4 * HOUR_MS},1,2,1,2,5\n"
    )
    where = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")
    text = run("import_candles", str(path), *where)
    assert "2 of 3 rows accepted, 2 of them new" in text
    assert "1 rows rejected: negative volume" in text
    assert "1 gaps, 3 candles missing" in text
    report = json.loads(run("import_candles", str(path), *where, "--json"))
    assert (report["accepted"], report["changed"]) == (2, 0)
    assert "FILE_NOT_FOUND" in fails("import_candles", str(tmp_path / "no.csv"), *where)


def test_candles_shows_coverage_and_gaps(tmp_path):
    assert "no candles held" in run("candles")
    path = tmp_path / "candles.csv"
    path.write_text(
        f"timestamp,open,high,low,close,volume\n{T0},1,2,1,2,5\n{T0 + 3 * HOUR_MS},1,2,1,2,5\n"
    )
    where = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")
    run("import_candles", str(path), *where)
    run(*FETCH, "--end", "2024-01-02")
    assert "1 (2 candles)" in run("candles")
    assert "binance BTC/USDT 1h: 2024-01-01 01:00 to 2024-01-01 03:00, 2 candles" in run(
        "candles", "--gaps"
    )
    (row,) = json.loads(run("candles", "--exchange", "binance", "--json"))
    assert row["gaps"] == [{"start": T0 + HOUR_MS, "end": T0 + 3 * HOUR_MS, "bars": 2}]
    assert row["covered"] == [[T0, T0 + 4 * HOUR_MS]]


def test_sync_exchanges_says_what_it_did():
    assert "no exchanges updated" in run("sync_exchanges")
    Exchange.objects.all().delete()
    assert "105 exchanges updated" in run("sync_exchanges")


def test_add_exchange_names_the_option_that_drops_candles_of_another_server(tmp_path):
    path = tmp_path / "candles.csv"
    path.write_text(f"timestamp,open,high,low,close,volume\n{T0},1,2,1,2,5\n")
    where = ("--exchange", "mine", "--symbol", "BTC/USDT", "--timeframe", "1h")
    add = ("add_exchange", "mine", "--ccxt", "binance", "--url")
    run(*add, "http://127.0.0.1:9000")
    run("import_candles", str(path), *where)
    text = fails(*add, "http://127.0.0.1:9001")
    assert "CANDLES_HELD" in text
    assert "--drop-candles" in text
    assert "BTC/USDT 1h" in text
    assert "9001" in run(*add, "http://127.0.0.1:9001", "--drop-candles")
    assert "no candles held" in run("candles")


def test_add_exchange_says_where_it_points():
    text = run("add_exchange", "mine", "--ccxt", "binance", "--url", "http://127.0.0.1:9000")
    assert text.strip() == "mine: Binance through ccxt, at http://127.0.0.1:9000"
