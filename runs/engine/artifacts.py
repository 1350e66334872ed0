"""A finished run's tables as Parquet bytes, and back.

Equal tables give equal bytes, so that a table's hash can be its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from exchanges.domain import Bars
from exchanges.domain.bars import PRICE_COLUMNS

from .config import RunConfig
from .results import ORDER_DTYPE, TRADE_DTYPE, Simulation

EQUITY_DTYPE = np.dtype([("time", np.int64), ("equity", np.float64), ("cash", np.float64)])
"""One row a bar, at its close; see `Simulation`."""

BAR_COLUMNS = ("time", *PRICE_COLUMNS)

DTYPES = {"trades": TRADE_DTYPE, "orders": ORDER_DTYPE, "equity": EQUITY_DTYPE}


def encode(simulation: Simulation) -> dict[str, tuple[bytes, int]]:
    """The tables by name, each as Parquet bytes and its number of rows."""
    equity = {
        "time": simulation.time,
        "equity": simulation.equity,
        "cash": simulation.cash,
    }
    return {
        "trades": (_parquet(_columns(simulation.trades)), len(simulation.trades)),
        "orders": (_parquet(_columns(simulation.orders)), len(simulation.orders)),
        "equity": (_parquet(equity), len(simulation.time)),
    }


def decode(name: str, content: bytes) -> NDArray[np.void]:
    """The table `name` as an array of its dtype in DTYPES."""
    columns = _read(content)
    table = np.empty(len(columns["time" if name != "trades" else "entry_time"]), DTYPES[name])
    for column, values in columns.items():
        table[column] = values
    return table


def equity_columns(
    content: bytes,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """`time`, `equity`, `cash` (t,) of an equity table, without making rows of them."""
    columns = _read(content)
    return columns["time"], columns["equity"], columns["cash"]


def encode_bars(series: Sequence[Bars]) -> tuple[bytes, int]:
    """One `Bars` per symbol as one Parquet table, and its number of rows.

    Columns: `symbol` (int32, index into the series), `time` and the prices of
    `Bars`; the series end to end.
    """
    counts = [len(bars) for bars in series]
    columns: dict[str, NDArray[Any]] = {
        "symbol": np.repeat(np.arange(len(series), dtype=np.int32), counts)
    }
    for name in BAR_COLUMNS:
        columns[name] = np.concatenate([getattr(bars, name) for bars in series])
    return _parquet(columns), sum(counts)


def decode_bars(content: bytes, config: RunConfig) -> list[Bars]:
    """The series of `encode_bars`, one per symbol of the config, to the last bit."""
    columns = _read(content)
    bounds = np.searchsorted(columns["symbol"], np.arange(len(config.symbols) + 1)).tolist()
    return [
        Bars(symbol, config.timeframe, *(columns[name][low:high] for name in BAR_COLUMNS))
        for symbol, low, high in zip(config.symbols, bounds, bounds[1:], strict=False)
    ]


def sha256(content: bytes) -> str:
    """The name the bytes are stored under."""
    return hashlib.sha256(content).hexdigest()


def _columns(table: NDArray[np.void]) -> dict[str, NDArray[Any]]:
    return {name: np.ascontiguousarray(table[name]) for name in table.dtype.names or ()}


def _parquet(columns: dict[str, NDArray[Any]]) -> bytes:
    # Times are evenly spaced and prices are not: deltas for the ones, plain
    # bytes for the others.  Statistics and dictionaries cost time nobody gains.
    encodings = {
        name: "DELTA_BINARY_PACKED" if values.dtype.kind == "i" else "PLAIN"
        for name, values in columns.items()
    }
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table(columns),
        sink,
        compression="lz4",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
        column_encoding=encodings,
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _read(content: bytes) -> dict[str, NDArray[Any]]:
    table = pq.ParquetFile(pa.BufferReader(content)).read()
    return {name: table[name].to_numpy() for name in table.column_names}
