"""Candle files of other programs, read into columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .domain import InvalidInput

_TIME_NAMES = ("timestamp", "date", "time", "datetime", "open_time", "opentime")
_VALUE_NAMES = ("open", "high", "low", "close", "volume")
_UNITS = ((1e17, 1e6), (1e14, 1e3), (1e11, 1.0), (0.0, 1e-3))
"""Numbers at least this large count this many units a millisecond: ns, µs, ms, s."""


def read_columns(path: Path) -> list[NDArray[np.float64]]:
    """Time (UTC ms), open, high, low, close, volume; NaN where a cell says nothing.

    CSV (comma, semicolon, tab or bar) with a header, Parquet, or Feather as
    freqtrade writes it.  Raises InvalidInput FILE_NOT_FOUND or UNREADABLE_FILE.
    """
    if not path.is_file():
        raise InvalidInput("FILE_NOT_FOUND", f"there is no file {path}")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidInput(
            "UNREADABLE_FILE", f"{path.name}: unknown kind of file", supported=sorted(_READERS)
        )
    try:
        table = reader(path)
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        first_line = str(error).partition("\n")[0][:200]
        raise InvalidInput("UNREADABLE_FILE", f"{path.name}: {first_line}") from None
    names = {name.strip().lower().replace(" ", "_"): name for name in table.column_names}
    time_name = next((names[name] for name in _TIME_NAMES if name in names), None)
    absent = [name for name in _VALUE_NAMES if name not in names]
    if time_name is None or absent:
        raise InvalidInput(
            "UNREADABLE_FILE",
            f"{path.name} lacks {', '.join(absent) or 'a column of times'}",
            found=list(table.column_names)[:50],
            expected=f"one of {', '.join(_TIME_NAMES)}; {', '.join(_VALUE_NAMES)}",
        )
    return [_times(table[time_name]), *(_numbers(table[names[name]]) for name in _VALUE_NAMES)]


def _read_csv(path: Path) -> Any:
    """All cells as text: one bad cell must cost its row, not its column."""
    from pyarrow import csv

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline().rstrip("\r\n")
    delimiter = max(",;\t|", key=header.count)
    names = [name.strip().strip('"') for name in header.split(delimiter)]
    return csv.read_csv(
        path,
        read_options=csv.ReadOptions(column_names=names, skip_rows=1),
        parse_options=csv.ParseOptions(delimiter=delimiter, invalid_row_handler=lambda _: "skip"),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, "string"), strings_can_be_null=True
        ),
    )


def _read_parquet(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_table(path)


def _read_feather(path: Path) -> Any:
    from pyarrow import feather

    return feather.read_table(path, memory_map=False)


_READERS: dict[str, Callable[[Path], Any]] = {
    ".csv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".feather": _read_feather,
    ".arrow": _read_feather,
}


def _numbers(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.array([_number(cell) for cell in column.to_pylist()], dtype=np.float64)


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan


def _times(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        scale = {"s": 1e-3, "ms": 1.0, "us": 1e3, "ns": 1e6}[column.type.unit]
        return (
            _numbers(pc.cast(pc.cast(column, pa.timestamp(column.type.unit)), pa.int64())) / scale
        )
    numbers = _numbers(column)
    if not np.isfinite(numbers).any() and pa.types.is_string(column.type):
        return np.array([_iso_ms(cell) for cell in column.to_pylist()], dtype=np.float64)
    typical = np.nanmedian(np.abs(numbers)) if np.isfinite(numbers).any() else 0.0
    per_ms = next(units for least, units in _UNITS if typical >= least)
    return np.asarray(numbers / per_ms)


def _iso_ms(cell: str | None) -> float:
    """A time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat((cell or "").strip())
    except ValueError:
        return np.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
