"""Task workers without a cluster: forks of a test that share its database, and may be killed."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connections

from runs import paper, services, sweeper
from runs.bodies import LiveTradingRequest
from runs.models import EquityPoint, Run, Trade
from runs.results import Results

from .books import APART, Told, booked

IDLE_SECONDS = 0.002
SECONDS = 60.0


def fork(work: Callable[[], object], **env: str) -> int:
    """A process that does `work` and ends with code 0, or 1 where that raised."""
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.environ.update(env)
        work()
        connections.close_all()
        code = 0
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(code)


def died(pid: int) -> bool:
    """Waits for its end; False where it came to its own."""
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "a worker failed; its traceback is above"
    return False


def end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


@contextmanager
def beside(work: Callable[[], object], **env: str) -> Iterator[int]:
    """`work` in a fork of its own, killed in the end."""
    pid = fork(work, **env)
    try:
        yield pid
    finally:
        end(pid)


def wait_until(true: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


# --- what hands do ---


def is_over(run_id: int) -> bool:
    return not Run.objects.filter(id=run_id, status__in=Run.ACTIVE).exists()


def work_on(run_id: int, enough: Callable[[], bool] = lambda: False) -> None:
    """Slices of one run, as they become due, until it is over or that is enough."""
    while not is_over(run_id) and not enough():
        try:
            if not paper.advance(run_id):
                time.sleep(IDLE_SECONDS)
        except DatabaseError:
            # The task would end its worker.
            connections.close_all()


def sweep() -> None:
    """What the ticker does for runs whose worker died."""
    sweeper.sweep(sweeper.Memory())


def finish(run_id: int, work: Callable[[int], None] = work_on, **env: str) -> int:
    """Has forks do `work` on it, as they die, until it is over; returns how many died."""
    deaths = 0
    while not is_over(run_id):
        deaths += died(fork(lambda: work(run_id), **env))
        sweep()
    return deaths


class Tickets:
    """Orders to die at a place: one process dies of each."""

    def __init__(self, folder: Path, point: str) -> None:
        self._folder = folder
        folder.mkdir()
        self.env = {"CRACKTRADER_TEST_CRASH": point, "CRACKTRADER_TEST_CRASHES": str(folder)}

    def issue(self, number: int) -> None:
        for _ in range(number):
            (self._folder / f"{time.monotonic_ns()}").touch()

    def left(self) -> int:
        return len(list(self._folder.iterdir()))


# --- runs ---


def start(**body: Any) -> Run:
    """A paper run that nobody is told of."""
    defaults = {"timeframe": "1h", "exchange": "simulated", "mode": "paper", "strategy_params": {}}
    form = LiveTradingRequest(data=defaults | body)
    form.is_valid(raise_exception=True)
    return services.start_live(dict(form.validated_data), ring=False)


def told(run: Run) -> Told:
    """As `books.told`, from this process's database."""
    run.refresh_from_db()
    events = list(run.events.order_by("seq"))
    assert [event.seq for event in events] == list(range(1, run.last_seq + 1))
    kept = [(event.kind, event.data) for event in events if event.kind not in APART]
    for _, data in kept:
        data.pop("late", None)
    return kept


def left_behind(run: Run) -> dict[str, Any]:
    """All that a run that is over came to, without ids and times of day."""
    run.refresh_from_db()
    fields = ("status", "error_code", "error", "cash", "value", "trade_count", "progress")
    fields += ("metrics", "outcome", "seal", "result_hash", "cursor_ms", "checkpoint", "stage")
    record = {name: getattr(run, name) for name in fields}
    record["checkpoint"] = {k: v for k, v in run.checkpoint.items() if k != "began_ms"}
    apart = ("id", "run_id")
    orders = [
        {name: value for name, value in row.items() if name not in apart}
        for row in run.orders.order_by("id").values()
    ]
    return record | {
        "orders": orders,
        "artifacts": sorted(run.artifacts.values_list("name", "sha256", "rows")),
        "points": EquityPoint.objects.filter(run=run).count(),
        "trades": Trade.objects.filter(run=run).count(),
        "lease": (run.lease_owner, run.lease_expires_at, run.due_at),
        "tables": {name: Results(run).rows(name) for name in ("trades", "orders")},
        "events": told(run),
    }


def traded(run: Run) -> Told:
    return booked(told(run))


def standing(run: Run) -> dict[str, Any]:
    """Everything a worker could write about a run, as it is now; `fence` too."""
    run.refresh_from_db()
    record = {name: value for name, value in vars(run).items() if not name.startswith("_")}
    tables = (run.events, run.orders, run.trades, run.points, run.artifacts)
    return record | {str(n): list(rows.order_by("id").values()) for n, rows in enumerate(tables)}
