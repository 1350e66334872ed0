"""On what it was measured, and how figures of latencies are written."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import psutil


def described(*packages: str) -> str:
    memory = psutil.virtual_memory().total / 2**30
    named = "".join(f", {package} {version(package)}" for package in packages)
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}{named}, {datetime.now(UTC):%Y-%m-%d}."
    )


def share(sorted_values: Sequence[float], fraction: float) -> float:
    """The value that `fraction` of them do not exceed."""
    return sorted_values[max(0, -(-int(fraction * len(sorted_values) * 1000) // 1000) - 1)]


def row(name: str, seconds: Sequence[float]) -> str:
    """p50, p95, p99 and max in ms, and how many; sorted."""
    cells = [share(seconds, fraction) * 1000 for fraction in (0.5, 0.95, 0.99)]
    cells.append(seconds[-1] * 1000)
    return f"| {name} | " + " | ".join(f"{cell:.1f}" for cell in cells) + f" | {len(seconds)} |\n"
