"""Sweeps that are really computed, on the simulated venue, for tests of what shows them."""

from __future__ import annotations

from typing import Any

from runs.models import Sweep, SweepChunk
from runs.sweeps import services, work
from runs.sweeps.serializers import SweepRequest

BODY: dict[str, Any] = {
    "strategy_name": "MovingAverageCross",
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "start_date": "2024-01-01T00:00:00Z",
    "end_date": "2024-03-01T00:00:00Z",
    "exchange": "simulated",
    "space": {"fast_period": [5, 10, 15, 20], "slow_period": [10, 30, 50]},
}
"""Twelve points, of which the strategy refuses three: fast must be below slow."""


def validated(**changes: Any) -> dict[str, Any]:
    form = SweepRequest(data=BODY | changes)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def start(owner: str = "", key: str = "", **changes: Any) -> Sweep:
    """Recorded with its chunks, and nothing tried yet."""
    return services.start_sweep(validated(**changes), owner, ring=False, idempotency_key=key)


def finish(sweep: Sweep) -> Sweep:
    while True:
        while work.turn(seconds=600, only=sweep):
            pass
        paused = sweep.chunks.filter(status=SweepChunk.Status.READY, lease_owner="")
        if not paused.update(lease_expires_at=None):
            break
    sweep.refresh_from_db()
    assert not sweep.is_active
    return sweep


def finished(**changes: Any) -> Sweep:
    sweep = finish(start(**changes))
    assert sweep.status == Sweep.Status.COMPLETED, sweep.error
    return sweep
