from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings

from exchanges import queries, services
from exchanges.domain import InvalidInput
from exchanges.market_store import SeriesKey
from exchanges.models import CandleSeries
from tests.exchanges.tools import BTC, HOUR, HOUR_MS, T0, FixedClock, make_bars, same

DATA = Path(
    os.environ.get("CRACKTRADER_TEST_DATA")
    or Path(django_settings.BASE_DIR).parent / "shared" / "data"
)
KEY = SeriesKey("binance", BTC, HOUR)
ROWS = make_bars(range(5))

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _venues(candles_dir):
    services.sync_exchanges()


def load(path: Path, **more):
    return services.import_candles(path, "binance", "BTC/USDT", "1h", **more)


def stored():
    return queries.store().read(KEY, 0, T0 + 10**12)


def lines(time=str, header="timestamp,open,high,low,close,volume", delimiter=",") -> list[str]:
    table = [header.replace(",", delimiter)]
    for i, at in enumerate(ROWS.time.tolist()):
        values = [getattr(ROWS, name)[i] for name in ("open", "high", "low", "close", "volume")]
        table.append(delimiter.join([time(at), *map(str, values)]))
    return table


def write(tmp_path: Path, rows: list[str], name: str = "candles.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


@pytest.mark.parametrize(
    ("time", "header", "delimiter"),
    [
        (str, "timestamp,open,high,low,close,volume", ","),
        (lambda ms: str(ms // 1000), "time,open,high,low,close,volume", ";"),
        (lambda ms: str(ms * 1000), "Open Time,Open,High,Low,Close,Volume", "\t"),
        (iso, "date,open,high,low,close,volume", "|"),
        (lambda ms: iso(ms).replace("+00:00", ""), "Date,open,high,low,close,volume", ","),
        (lambda ms: iso(ms).replace("T", " ")[:19], "datetime,open,high,low,close,volume", ","),
        (str, '"timestamp","open","high","low","close","volume"', ","),
        (str, "\ufefftimestamp,open,high,low,close,volume", ","),
    ],
)
def test_a_csv_is_read_whatever_its_times_and_delimiter(tmp_path, time, header, delimiter):
    report = load(write(tmp_path, lines(time, header, delimiter)))
    assert (report.rows, report.accepted, report.changed) == (5, 5, 5)
    assert same(stored(), ROWS)


def table(time):
    import pyarrow as pa

    columns = {name: getattr(ROWS, name) for name in ("open", "high", "low", "close", "volume")}
    return pa.table({"date": time, **columns})


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_the_feather_files_of_freqtrade_are_read(tmp_path, unit, zone):
    import pyarrow as pa
    from pyarrow import feather

    times = pa.array(ROWS.time).cast(pa.timestamp("ms")).cast(pa.timestamp(unit, zone))
    feather.write_feather(table(times), str(tmp_path / "BTC_USDT-1h.feather"))
    assert load(tmp_path / "BTC_USDT-1h.feather").accepted == 5
    assert same(stored(), ROWS)


def test_parquet_is_read(tmp_path):
    from pyarrow import parquet

    parquet.write_table(table(ROWS.time), tmp_path / "candles.parquet")
    assert load(tmp_path / "candles.parquet").accepted == 5
    assert same(stored(), ROWS)


def test_bad_rows_cost_themselves_and_are_counted_by_reason(tmp_path):
    rows = lines()
    rows[2] = rows[2].replace(",", ",x", 1)
    parts = rows[3].split(",")
    rows[3] = ",".join([*parts[:5], "-1"])
    rows += [rows[1], f"{T0 + 1},1,1,1,1,1", ",,,,,", f"{T0 + 9 * HOUR_MS},1,2"]
    report = load(write(tmp_path, rows))
    assert report.accepted == 3
    assert report.duplicates == 1
    assert report.rejected == {"missing value": 2, "negative volume": 1, "time off the grid": 1}
    assert stored().time.tolist() == [T0, T0 + 3 * HOUR_MS, T0 + 4 * HOUR_MS]


def test_rejected_candles_stay_missing_and_holes_are_known_gaps(tmp_path):
    rows = lines()
    parts = rows[2].split(",")
    rows[2] = ",".join([*parts[:5], "-1"])
    del rows[4]
    report = load(write(tmp_path, rows))
    held = queries.store()
    assert report.gaps == 2
    assert held.missing(KEY, T0, T0 + 5 * HOUR_MS) == [(T0 + HOUR_MS, T0 + 2 * HOUR_MS)]
    assert [(gap.start, gap.bars) for gap in held.info(KEY).gaps] == [(T0 + 3 * HOUR_MS, 1)]


def test_a_candle_that_is_still_open_is_rejected(tmp_path):
    report = load(write(tmp_path, lines()), clock=FixedClock(T0 + 4 * HOUR_MS + 5))
    assert report.accepted == 4
    assert report.rejected == {"not closed yet": 1}


def test_importing_again_changes_nothing(tmp_path):
    path = write(tmp_path, lines())
    load(path)
    report = load(path)
    assert (report.accepted, report.changed) == (5, 0)
    assert CandleSeries.objects.get().rows == 5


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (None, "absent.csv", "FILE_NOT_FOUND"),
        (b"", "empty.csv", "UNREADABLE_FILE"),
        (b"a,b,c\n1,2,3\n", "other.csv", "UNREADABLE_FILE"),
        (b"timestamp,open,high,low,close\n1,2,3,4,5\n", "novolume.csv", "UNREADABLE_FILE"),
        (b"timestamp,open,high,low,close,volume\n", "header.csv", "NO_CANDLES"),
        (b"timestamp,open,high,low,close,volume\nx,x,x,x,x,x\n", "words.csv", "NO_CANDLES"),
        (b"\x00\xff\xfe\x01" * 50, "binary.csv", "UNREADABLE_FILE"),
        (b"PAR1 no", "broken.parquet", "UNREADABLE_FILE"),
        (b"ARROW1", "broken.feather", "UNREADABLE_FILE"),
        (b"", "empty.feather", "UNREADABLE_FILE"),
        (b"x", "candles.xlsx", "UNREADABLE_FILE"),
    ],
)
def test_a_file_that_holds_no_candles_is_refused(tmp_path, content, name, code):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        load(path)
    assert error.value.code == code
    assert queries.store().keys() == []


def test_the_simulated_venue_takes_no_imports(tmp_path):
    with pytest.raises(InvalidInput):
        services.import_candles(write(tmp_path, lines()), "simulated", "BTC/USDT", "1h")


@pytest.mark.skipif(not DATA.is_dir(), reason="the real candles are not here")
def test_the_real_candles_are_imported_with_their_eighteen_gaps():
    path = DATA / "binance_BTC-USDT_1h.csv"
    report = load(path)
    assert (report.rows, report.accepted, report.duplicates) == (41_620, 41_620, 0)
    assert (report.gaps, report.missing_bars) == (18, 44)
    raw = np.loadtxt(path, delimiter=",", skiprows=1)
    bars = stored()
    for column, name in enumerate(("time", "open", "high", "low", "close", "volume")):
        assert (getattr(bars, name) == raw[:, column]).all()
