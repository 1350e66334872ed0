"""One month of candles in one Arrow IPC file, and how files are replaced."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .domain import Bars, Symbol, Timeframe
from .domain.bars import PRICE_COLUMNS
from .ranges import Range

SUFFIX = ".arrow"
TEMPORARY = ".tmp"
COLUMNS = ("time", *PRICE_COLUMNS)


def months_of(time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Months since January 1970."""
    return time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)


def month_range(month: int) -> Range:
    """UTC ms, half-open."""
    edges = np.array([month, month + 1]).astype("datetime64[M]").astype("datetime64[ms]")
    start, end = edges.astype(np.int64)
    return int(start), int(end)


def file_name(month: int) -> str:
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}{SUFFIX}"


def month_number(name: str) -> int:
    """Inverse of `file_name`.  Raises ValueError for any other name."""
    year, _, month = name.removesuffix(SUFFIX).partition("-")
    number = (int(year) - 1970) * 12 + int(month) - 1
    if file_name(number) != name:
        raise ValueError(f"{name!r} is not a candle file")
    return number


def read(path: Path, symbol: Symbol, timeframe: Timeframe) -> Bars:
    """Columns mapped from the file, not copied.  Raises OSError or ValueError."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as source:
            # An Arrow file is its 8-byte magic, a stream, and a footer; without
            # the footer, opening one takes a fifth of the time.
            batch = pa.ipc.open_stream(source.read_buffer().slice(8)).read_next_batch()
        return Bars(symbol, timeframe, *(batch[name].to_numpy() for name in COLUMNS))
    except (pa.ArrowException, StopIteration, KeyError) as error:
        raise ValueError(f"not a candle file: {error}") from None


def write(path: Path, bars: Bars) -> None:
    """Atomic: readers see the old file or the whole new one."""
    import pyarrow as pa

    batch = pa.record_batch([pa.array(getattr(bars, name)) for name in COLUMNS], list(COLUMNS))

    def fill(temporary: Path) -> None:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as file:
            file.write_batch(batch)

    _replace(path, fill)


def write_text(path: Path, text: str) -> None:
    """Atomic, as `write`."""
    _replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _replace(path: Path, fill: Callable[[Path], object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        fill(temporary)
        _flush(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def flush_directory(folder: Path) -> None:
    """Makes renames in it survive a power cut, where the system can."""
    if os.name == "posix":
        _flush(folder)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
