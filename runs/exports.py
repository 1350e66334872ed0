"""A run's tables as CSV and Parquet files: all rows, named as people read them, times in UTC.

The artifacts that a run is sealed with hold the same in the engine's numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from exchanges.domain import NotFound, OrderStatus, Purpose, Side

from .fields import iso
from .models import Run
from .results import Results

if TYPE_CHECKING:
    import numpy as np

    Table = np.ndarray[Any, np.dtype[np.void]]

ROWS_AT_ONCE = 5_000
COLUMNS = {
    "trades": (
        *("trade_id", "symbol", "side", "status", "amount", "entry_time", "entry_price"),
        *("exit_time", "exit_price", "exit_reason", "fees", "pnl", "return", "bars"),
    ),
    "orders": (
        *("order_id", "trade_id", "symbol", "side", "type", "status", "purpose", "amount"),
        *("price", "fee", "timestamp", "created"),
    ),
}

_TIMES = ("entry_time", "exit_time", "timestamp", "created")
_WHOLE = ("trade_id", "bars")
_TEXTS = ("order_id", "symbol", "side", "type", "status", "purpose", "exit_reason")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_PURPOSES = {int(p): p.name.lower() for p in Purpose} | {-1: None}
_SIDES = {int(s): s.name.lower() for s in Side}


def csv_file(run: Run, name: str) -> IO[bytes]:
    """The table as an unnamed file on the disk, which is gone when it is closed.

    Raises ARTIFACT_NOT_FOUND for another table, and for one that is lost or damaged.
    """
    if name not in COLUMNS:
        raise NotFound("ARTIFACT_NOT_FOUND", f"No table {name[:40]}", available=list(COLUMNS))
    results = Results(run)
    try:
        table = results.table(name)
    except (OSError, ValueError):
        raise NotFound("ARTIFACT_NOT_FOUND", f"The run's file of {name} is damaged") from None
    pages = _of_rows(results, name) if table is None else _of_table(results, name, table)
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS[name])
        for rows in pages:
            writer.writerows(rows)
        text.detach()
        file.seek(0)
        # It is the caller's now.
        stack.pop_all()
    return file


def parquet_file(run: Run, name: str) -> IO[bytes]:
    """The same columns, with types: texts, int64, float64 and UTC times in ms.

    Raises as `csv_file`.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    types = {column: _type(column) for column in COLUMNS.get(name, ())}
    with csv_file(run, name) as rows, ExitStack() as stack:
        table = arrow_csv.read_csv(
            rows,
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, strings_can_be_null=True, null_values=[""]
            ),
        )
        file = stack.enter_context(TemporaryFile())
        parquet.write_table(table.cast(pa.schema(types)), file)
        file.seek(0)
        stack.pop_all()
    return file


def _type(column: str) -> Any:
    import pyarrow as pa

    if column in _TIMES:
        return pa.timestamp("ms", "UTC")
    if column in _WHOLE:
        return pa.int64()
    return pa.string() if column in _TEXTS else pa.float64()


def _of_table(results: Results, name: str, table: Table) -> Iterator[Iterable[Sequence[Any]]]:
    symbols = [_safe(str(symbol)) for symbol in results.run.symbols]
    named = {n: _safe(order_id) for n, order_id in results.order_ids()} if name == "orders" else {}
    for first in range(0, len(table), ROWS_AT_ONCE):
        page = table[first : first + ROWS_AT_ONCE]
        if name == "trades":
            yield zip(*_trades(page, symbols, first), strict=True)
        else:
            yield zip(*_orders(page, symbols, first, named), strict=True)


def _of_rows(results: Results, name: str) -> Iterator[Iterable[Sequence[Any]]]:
    columns, offset = COLUMNS[name], 0
    while rows := results.rows(name, offset, ROWS_AT_ONCE):
        yield [[_cell(column, row[column]) for column in columns] for row in rows]
        if len(rows) < ROWS_AT_ONCE:
            return
        offset += len(rows)


def _trades(page: Table, symbols: Sequence[str], first: int) -> list[Sequence[Any]]:
    import numpy as np

    still_open = (page["exit_time"] < 0).tolist()
    exit_times, exit_prices = _times(np.maximum(page["exit_time"], 0)), page["exit_price"].tolist()
    return [
        range(first, first + len(page)),
        [symbols[symbol] for symbol in page["symbol"].tolist()],
        ["long"] * len(page),
        ["open" if is_open else "closed" for is_open in still_open],
        page["amount"].tolist(),
        _times(page["entry_time"]),
        page["entry_price"].tolist(),
        [None if is_open else time for is_open, time in zip(still_open, exit_times, strict=True)],
        [
            None if is_open else price
            for is_open, price in zip(still_open, exit_prices, strict=True)
        ],
        [_PURPOSES[purpose] for purpose in page["exit_purpose"].tolist()],
        page["fees"].tolist(),
        page["pnl"].tolist(),
        page["return"].tolist(),
        page["bars"].tolist(),
    ]


def _orders(
    page: Table, symbols: Sequence[str], first: int, named: dict[int, str]
) -> list[Sequence[Any]]:
    from .engine.steps import order_id

    sides, purposes, places = (page[c].tolist() for c in ("side", "purpose", "symbol"))
    made = zip(places, sides, purposes, page["created"].tolist(), strict=True)
    return [
        [named.get(number) or order_id(*what) for number, what in enumerate(made, first)],
        page["trade"].tolist(),
        [symbols[symbol] for symbol in places],
        [_SIDES[side] for side in sides],
        ["market"] * len(page),
        [OrderStatus.FILLED.name.lower()] * len(page),
        [_PURPOSES[purpose] for purpose in purposes],
        page["amount"].tolist(),
        page["price"].tolist(),
        page["fee"].tolist(),
        _times(page["time"]),
        _times(page["created"]),
    ]


def _times(times: np.ndarray[Any, Any]) -> list[str]:
    """As `iso` writes them, which is too slow for a table's whole column."""
    import numpy as np

    if (times % 1000).any():
        return [iso(time) for time in times.tolist()]
    seconds = np.datetime_as_string(times.astype("datetime64[ms]"), unit="s", timezone="UTC")
    texts: list[str] = seconds.tolist()
    return texts


def _cell(column: str, value: Any) -> Any:
    if column in _TIMES and isinstance(value, int):
        return iso(value)
    return _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    """No spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
