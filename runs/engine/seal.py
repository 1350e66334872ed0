"""What made a run, and a digest of what came out of it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .results import Simulation

PACKAGES = ("numpy", "pandas", "numba", "vectorbt", "pyarrow")
"""Distributions whose version can change a number, or the bytes of a table."""

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = (
    "runs/engine/*.py",
    "strategies/base.py",
    "strategies/indicators.py",
    "exchanges/domain/*.py",
)


def seal(
    config: Mapping[str, Any],
    strategy: str,
    source_hash: str,
    candle_hashes: Mapping[str, str],
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """JSON of all that went into a run; `digest` is the SHA-256 of the rest.

    `config` holds the strategy's params too; `candle_hashes` are
    `Bars.content_hash` per symbol.
    """
    made_of = {
        "config": dict(config),
        "strategy": strategy,
        "source_hash": source_hash,
        "candle_hashes": dict(candle_hashes),
        "versions": dict(current_versions() if versions is None else versions),
    }
    return made_of | {"digest": hashlib.sha256(_canonical(made_of)).hexdigest()}


@cache
def current_versions() -> dict[str, str]:
    """Of Python, the packages, and `engine`: a hash over the pure sources."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "engine": engine_hash(),
    }


@cache
def engine_hash() -> str:
    """SHA-256 over the sources that decide a result besides the strategy's own."""
    digest = hashlib.sha256()
    paths = {path for pattern in _SOURCES for path in _ROOT.glob(pattern)}
    for path in sorted(paths):
        source = path.read_bytes()
        digest.update(f"{path.relative_to(_ROOT).as_posix()} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


def result_digest(
    simulation: Simulation,
    metrics: Mapping[str, float | int | None],
    books: bytes | None = None,
) -> str:
    """SHA-256 over every bit of the books and the metrics.

    `books`: `books_digest(simulation)` where it is known already.
    """
    known = books_digest(simulation) if books is None else books
    return hashlib.sha256(known + _canonical(metrics)).hexdigest()


def books_digest(simulation: Simulation) -> bytes:
    """SHA-256 over every bit of the books.

    The times are the candles' and the cash follows from the orders: neither
    can change alone.
    """
    digest = hashlib.sha256()
    for name in ("equity", "orders", "trades", "pending", "positions"):
        table = np.ascontiguousarray(getattr(simulation, name))
        digest.update(f"{name} {table.dtype.descr} {table.shape}\n".encode())
        digest.update(table.view(np.uint8).data if table.size else b"")
    return digest.digest()


def _canonical(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()
