"""What made a result, in a form that can be checked later."""

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

PACKAGES = ("numpy", "pandas", "vectorbt", "numba")


def seal(
    *,
    config: Mapping[str, Any],
    strategy: str,
    source_hash: str,
    candle_hashes: Mapping[str, str],
) -> dict[str, Any]:
    """Everything a result follows from, and `hash`, the SHA-256 over it.

    `config` holds the parameters, costs and range; `candle_hashes` are
    `Bars.content_hash` per symbol over [anchor, end).
    """
    body = {
        "config": dict(config),
        "strategy": strategy,
        "source_hash": source_hash,
        "candles": dict(candle_hashes),
        "versions": versions(),
    }
    return body | {"hash": hashlib.sha256(_canonical(body)).hexdigest()}


@cache
def versions() -> dict[str, str]:
    """Versions of what computes, and `engine`: a hash over the pure sources.

    The package numbers do not tell an edited engine from a released one.
    """
    found = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found, "engine": _engine_hash()}


def _engine_hash() -> str:
    house = Path(__file__).resolve().parent.parent.parent
    sources = [
        *sorted((house / "exchanges" / "domain").glob("*.py")),
        *sorted((house / "runs" / "engine").glob("*.py")),
        house / "strategies" / "base.py",
        house / "strategies" / "indicators.py",
    ]
    digest = hashlib.sha256()
    for path in sources:
        digest.update(str(path.relative_to(house)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def result_digest(simulation: Simulation, figures: Mapping[str, Any]) -> str:
    """SHA-256 over every order, trade, equity point and figure, bit for bit."""
    digest = hashlib.sha256()
    for table in (
        simulation.time,
        simulation.equity,
        simulation.cash,
        simulation.orders,
        simulation.trades,
        simulation.pending,
        simulation.positions,
    ):
        digest.update(np.ascontiguousarray(table).tobytes())
    digest.update(_canonical(dict(figures)))
    return digest.hexdigest()


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
