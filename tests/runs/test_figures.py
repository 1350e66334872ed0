from __future__ import annotations

import csv
import gzip
import io
from contextlib import closing
from datetime import datetime

import numpy as np
import pytest
from django.test import RequestFactory

from exchanges.domain import Busy, NotFound, Timeframe
from exchanges.places import Places
from exchanges.queries import store
from runs import charts, exports, figures, plotly_js, recorder, series
from runs.engine import artifacts
from runs.engine.results import TRADE_DTYPE
from runs.fields import iso
from runs.models import Order, Run
from tests.runs.factory import ENGINE, make_run
from tests.runs.finished import finished, prepare_desk
from tests.runs.papers import desk, rehearse, slices  # noqa: F401
from tests.runs.test_charts import BTC, HOUR, Bars, SeriesKey, with_tables

EVIL = '=HYPERLINK("http://evil.example","click")'


def asked(path: str = "/figure", **headers: str):
    return RequestFactory().get(path, headers=headers)


def body(answer) -> bytes:
    with closing(answer):
        content = b"".join(answer) if answer.streaming else answer.content
    return gzip.decompress(content) if answer.get("Content-Encoding") == "gzip" else content


@pytest.fixture
def run(transactional_db, settings, tmp_path):
    settings.CANDLES_DIR = tmp_path
    prepare_desk()
    return finished(symbols=["BTC/USDT", "ETH/USDT"])


def test_a_figure_is_compressed_where_that_is_understood(run):
    plain = figures.equity(asked(), run)
    packed = figures.equity(asked(accept_encoding="br, gzip"), run)
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 2
    assert body(packed) == plain.content == charts.to_json(charts.equity(run))
    assert "Accept-Encoding" in plain["Vary"]
    assert "Accept-Encoding" in packed["Vary"]
    refused = figures.equity(asked(accept_encoding="gzip;q=0"), run)
    assert "Content-Encoding" not in refused


def test_a_finished_runs_figure_is_sent_once(run, monkeypatch):
    first = figures.candles(asked(), run)
    monkeypatch.setattr(charts, "candles", lambda *args: pytest.fail("it was drawn again"))
    again = figures.candles(asked(if_none_match=first["ETag"]), run)
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]


def test_another_symbol_stretch_run_or_candle_is_another_figure(run):
    other = finished(symbols=["BTC/USDT", "ETH/USDT"], fee=0.003)
    paths = ["/f", "/f?symbol=ETH/USDT", "/f?from=1704067200000&to=1704099999999"]
    seen = [figures.candles(asked(path), one)["ETag"] for path in paths for one in (run, other)]
    assert len(set(seen)) == len(seen)
    hour = Timeframe.parse("1h")
    key = SeriesKey("simulated", BTC, hour)
    last = store().read(key, *series.span(run))[-1:]
    columns = (last.open, last.high * 2, last.low, last.close, last.volume)
    store().write(key, Bars(BTC, hour, last.time, *columns))
    assert figures.candles(asked("/f"), run)["ETag"] != seen[0]


def test_what_goes_on_has_no_tag(desk):  # noqa: F811
    answer = figures.equity(asked(), slices(rehearse(), 3))
    assert "ETag" not in answer
    assert len(charts.orjson.loads(answer.content)["data"][0]["x"]) > 0


@pytest.mark.parametrize("module", ["tables.py", "engine/downsample.py"])
def test_other_code_anywhere_in_the_app_draws_anew(module, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(figures, "__file__", str(tmp_path / "figures.py"))
    changed = tmp_path / module
    changed.parent.mkdir(exist_ok=True)
    seen = set()
    for text in ("POINTS = 1_500", "POINTS = 2_000"):
        changed.write_text(text)
        figures._code.cache_clear()
        seen.add(figures._code())
    figures._code.cache_clear()
    assert len(seen) == 2


def test_runs_are_compared_with_and_without_a_request(run):
    alone = figures.comparison([run, run])
    packed = figures.comparison([run, run], asked(accept_encoding="gzip"))
    assert body(alone) == body(packed)
    assert packed["ETag"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("symbol=XRP/USDT", "INVALID_SYMBOL"),
        ("symbol=../x", "INVALID_SYMBOL"),
        ("from=x", "INVALID_VALUE"),
        ("to=-1", "INVALID_VALUE"),
        ("from=1e9", "INVALID_VALUE"),
        ("from=9999999999999999", "INVALID_VALUE"),
    ],
)
@pytest.mark.django_db
def test_an_odd_question_is_told_and_never_a_fault(query, code):
    answer = figures.candles(asked(f"/f?{query}"), make_run())
    assert answer.status_code == 404
    told = charts.orjson.loads(answer.content)
    assert told["code"] == code
    assert told["message"]


@pytest.mark.parametrize("query", ["from=5&to=1", "from=0&to=0", "from=999999999999999", "to=0"])
def test_a_stretch_without_bars_is_an_empty_figure(run, query):
    for figure in (figures.equity, figures.candles):
        answer = figure(asked(f"/f?{query}"), run)
        assert answer.status_code == 200
        assert charts.orjson.loads(answer.content)["data"][0]["x"] == []


def test_plotly_travels_compressed_and_is_kept_for_ever():
    named = asked(f"/ui/plotly.js?v={plotly_js.VERSION}", accept_encoding="gzip")
    packed = figures.library(named)
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < 1_700_000
    assert body(packed) == plotly_js.path().read_bytes() == body(figures.library(asked()))
    assert "immutable" in packed["Cache-Control"]
    unnamed = figures.library(asked("/ui/plotly.js", if_none_match=packed["ETag"]))
    assert unnamed.status_code == 304
    assert "immutable" not in unnamed["Cache-Control"]


def test_a_file_is_what_was_stored(run):
    answer = figures.artifact(asked(), run, "trades")
    assert body(answer) == recorder.load(run.artifacts.get(name="trades"))
    assert f"{run.public_id}-trades.parquet" in answer["Content-Disposition"]
    assert figures.artifact(asked(if_none_match=answer["ETag"]), run, "trades").status_code == 304
    with pytest.raises(NotFound, match="secrets"):
        figures.artifact(asked(), run, "secrets")


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(answer).decode())))


def test_all_trades_and_orders_come_as_csv_in_the_apis_words(run, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 7)
    from runs.results import Results

    for name in ("trades", "orders"):
        answer = figures.table_csv(run, name)
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert f"{run.public_id}-{name}.csv" in answer["Content-Disposition"]
        found, wanted = rows_of(answer), Results(run).rows(name)
        assert len(found) == len(wanted) > 14
        assert set(found[0]) == set(wanted[0])
        assert [row["symbol"] for row in found] == [row["symbol"] for row in wanted]
        fees = "fees" if name == "trades" else "fee"
        assert [float(row[fees]) for row in found] == [row[fees] for row in wanted]
    trades, orders = (rows_of(figures.table_csv(run, name)) for name in ("trades", "orders"))
    assert trades[0]["entry_time"].endswith("Z")
    assert orders[0]["timestamp"] == trades[0]["entry_time"]


def test_a_table_is_read_once_and_sent_from_the_disk(run, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 7)
    read = []
    decode = artifacts.decode
    monkeypatch.setattr(artifacts, "decode", lambda *table: read.append(table) or decode(*table))
    for number, name in enumerate(("trades", "orders"), 1):
        answer = figures.table_csv(run, name)
        assert len(read) == number
        # What WSGI's file wrapper is given: nobody has all of it in memory.
        assert answer.file_to_stream is not None
        assert int(answer["Content-Length"]) == len(body(answer)) > 1000
        assert answer.file_to_stream.closed


def test_a_csv_is_written_as_the_rows_of_the_api_are(run):
    from runs.results import Results

    for name in ("trades", "orders"):
        told = io.StringIO()
        writer = csv.writer(told)
        writer.writerow(exports.COLUMNS[name])
        times = ("timestamp", "created")
        for row in Results(run).rows(name):
            cells = [iso(row[c]) if c in times else row[c] for c in exports.COLUMNS[name]]
            writer.writerow(cells)
        assert body(figures.table_csv(run, name)).decode() == told.getvalue()


@pytest.mark.parametrize("name", ["trades", "orders"])
def test_a_parquet_file_holds_the_rows_of_the_api_with_types(run, name):
    from pyarrow import parquet

    from runs.results import Results

    answer = figures.table_parquet(run, name)
    assert f"{run.public_id}-{name}.parquet" in answer["Content-Disposition"]
    table = parquet.read_table(io.BytesIO(body(answer)))
    assert table.column_names == list(exports.COLUMNS[name])
    assert {str(table.schema.field(c).type) for c in ("symbol", "side")} == {"string"}
    found = table.to_pylist()
    wanted = Results(run).rows(name)
    times = [c for c in exports.COLUMNS[name] if c in exports._TIMES]
    for row in found:
        for column in times:
            row[column] = row[column] and int(row[column].timestamp() * 1000)
    for row in wanted:
        for column in times:
            if isinstance(row[column], str):
                moment = datetime.fromisoformat(row[column])
                row[column] = int(moment.timestamp() * 1000)
    assert found == [{c: row[c] for c in exports.COLUMNS[name]} for row in wanted]


def test_a_parquet_file_without_rows_has_its_columns(db):
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(body(figures.table_parquet(make_run(), "trades"))))
    assert (table.num_rows, table.column_names) == (0, list(exports.COLUMNS["trades"]))


def test_downloads_are_written_a_few_at_a_time(run, monkeypatch):
    monkeypatch.setattr(figures, "_downloads", Places(1, "Another one is"))
    with figures._downloads:
        for download in (lambda: figures.table_csv(run, "orders"), lambda: figures.report(run)):
            with pytest.raises(Busy, match="try again") as refused:
                download()
            assert refused.value.details["retry_after_seconds"] > 0
    assert rows_of(figures.table_csv(run, "orders"))


def test_a_table_without_rows_is_its_header(db):
    text = body(figures.table_csv(make_run(), "trades")).decode()
    assert text.splitlines() == [",".join(exports.COLUMNS["trades"])]


def test_a_spreadsheet_finds_no_formula(db):
    run = make_run(mode=Run.Mode.PAPER, status=Run.Status.RUNNING)
    amounts = {"amount": -1.5, "price": 2.0, "fee": 0.0, "time_ms": 1000}
    Order.objects.create(
        run=run,
        order_id=EVIL,
        status=Order.Status.FILLED,
        symbol="@SUM(A1)",
        side="buy",
        purpose="entry",
        created_ms=0,
        number=0,
        **amounts,
    )
    (row,) = rows_of(figures.table_csv(run, "orders"))
    assert row["order_id"] == f"'{EVIL}"
    assert row["symbol"] == "'@SUM(A1)"
    assert row["amount"] == "-1.5"
    assert row["timestamp"] == "1970-01-01T00:00:01Z"


def test_a_lost_or_damaged_table_is_told_before_the_first_byte(db, settings, tmp_path):
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    table = np.zeros(2, TRADE_DTYPE)
    table["amount"] = 0.123456789
    run = with_tables(make_run(config={"engine": ENGINE | {"end_ms": 20 * HOUR}}), trades=table)
    for file in tmp_path.rglob("*.parquet"):
        file.write_bytes(b"not parquet")
    with pytest.raises(NotFound, match="damaged"):
        figures.table_csv(run, "trades")
    answer = figures.candles(asked(), run)
    assert answer.status_code == 404
    assert charts.orjson.loads(answer.content)["code"] == "ARTIFACT_NOT_FOUND"
    with pytest.raises(NotFound, match="No table"):
        figures.table_csv(run, "../../etc/passwd")


def test_the_report_is_a_file_to_keep(run):
    answer = figures.report(run)
    assert f'filename="run-{run.public_id}.html"' in answer["Content-Disposition"]
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer.content.startswith(b"<!DOCTYPE html>")
