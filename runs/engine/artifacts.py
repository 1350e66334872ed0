"""A simulation's tables as Parquet: equal tables, equal bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .results import ORDER_DTYPE, TRADE_DTYPE, Simulation

EQUITY_DTYPE = np.dtype([("time", np.int64), ("equity", np.float64), ("cash", np.float64)])
"""Bars' open times (UTC ms), equity and cash at their closes."""

DTYPES = {"trades": TRADE_DTYPE, "orders": ORDER_DTYPE, "equity": EQUITY_DTYPE}

MEDIA_TYPE = "application/vnd.apache.parquet"


def encode(simulation: Simulation) -> dict[str, tuple[bytes, int]]:
    """`{"trades" | "orders" | "equity": (Parquet, rows)}`."""
    curve = {"time": simulation.time, "equity": simulation.equity, "cash": simulation.cash}
    tables: dict[str, dict[str, NDArray[Any]]] = {
        "trades": _columns(simulation.trades),
        "orders": _columns(simulation.orders),
        "equity": curve,
    }
    return {
        name: (_parquet(table), len(next(iter(table.values())))) for name, table in tables.items()
    }


def decode(name: str, content: bytes) -> NDArray[np.void]:
    """The rows of one table, with the dtype in `DTYPES`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stored = pq.read_table(pa.BufferReader(content), use_threads=False)
    rows = np.empty(stored.num_rows, DTYPES[name])
    for column in rows.dtype.names or ():
        rows[column] = stored[column].to_numpy()
    return rows


def _columns(table: NDArray[np.void]) -> dict[str, NDArray[Any]]:
    return {name: np.ascontiguousarray(table[name]) for name in table.dtype.names or ()}


def _parquet(columns: dict[str, NDArray[Any]]) -> bytes:
    """Plain, uncompressed pages: equity is noise to a compressor, and speed counts here."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(
        pa.table(columns),
        sink,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )
    return sink.getvalue()
