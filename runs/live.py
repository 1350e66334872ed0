"""The slice of a live run: what the venue made of its orders, new bars, what is wanted next.

All of it is one transaction, intents included: either the run has decided and
the order is there to be sent, or neither.  No slice talks to a venue; the
trader does (`runs.trading`), and makes the run due when one of its orders ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exchanges import crash
from exchanges.domain import Bars
from exchanges.queries import clock

from . import due, ending, slices, tape
from .engine.config import RunConfig
from .ledger import Ledger
from .models import Run, VenueOrder
from .recorder import Lease
from .runner import Progress, strategy_of
from .trading import outbox
from .trading.holdings import Holdings

if TYPE_CHECKING:
    from .engine.live import Least, LiveStepper
    from .engine.outbox import Outbox
    from .engine.state import State
    from .engine.steps import Settlement

SELL_AGAIN_MS = 30_000
"""After this long what a last sale left is offered once more."""
PATIENCE_MS = 30_000
"""How long a run that is to be closed waits for the fate of its orders."""

_LOOK = timedelta(seconds=1)


@dataclass(slots=True)
class _Desk:
    """A live run taken up from its checkpoint, and what its slice has come to so far."""

    run: Run
    config: RunConfig
    checkpoint: dict[str, Any]
    state: State
    box: Outbox
    stepper: LiveStepper
    ended: list[VenueOrder]
    now_ms: int
    settled: list[Settlement]

    @classmethod
    def of(cls, run: Run) -> _Desk:
        """With what became of its orders booked."""
        from .engine.live import LiveStepper
        from .engine.outbox import Outbox
        from .engine.state import State

        config = RunConfig.from_dict(run.config["engine"])
        checkpoint = dict(run.checkpoint)
        state = State.from_dict(checkpoint["state"])
        now_ms, ended = int(clock().now_ms()), list(outbox.to_book(run))
        outcomes, least = outbox.outcomes(ended, config), _least(checkpoint, config)
        owned = Holdings.of(run, booked_only=True)
        box = Outbox(
            config,
            owned.wallets,
            owned.positions,
            [Decimal(repr(smallest.amount)) for smallest in least],
            [market.position is not None for market in state.markets],
            outcomes,
        )
        state.account = box.account
        stepper = LiveStepper(config, box, state, now_ms, least)
        settled = stepper.settle(outcomes)
        return cls(run, config, checkpoint, state, box, stepper, ended, now_ms, settled)

    def ledger(self, series: Sequence[Bars] = ()) -> Ledger:
        late_ms = settings.LATE_SECONDS * 1000
        book = Ledger(self.run.pk, self.config, series, self.now_ms, late_ms)
        for settlement in self.settled:
            book.settle(settlement)
        return book

    def save(self, lease: Lease, book: Ledger) -> None:
        """Within the slice's transaction; LeaseLost where another has the run."""
        run, config, state = self.run, self.config, self.state
        outbox.hold(run, self.ended, places=bool(self.box.intents))
        self.checkpoint["state"] = state.to_dict()
        slices.commit(
            lease,
            run,
            config,
            state,
            self.checkpoint,
            book.entries,
            settled=bool(self.settled),
        )
        outbox.mark_booked(self.ended)
        reason = "flatten" if state.limit is None else state.limit.reason.value
        outbox.take_back(run, self.box.cancels, reason)
        outbox.place(run, config, self.box.intents)
        levels = self.stepper.protections().items()
        outbox.raise_stops(run, {str(config.symbols[s]): level for s, level in levels})


def _least(checkpoint: dict[str, Any], config: RunConfig) -> list[Least]:
    from .engine.live import Least

    rules = checkpoint["rules"]
    found = []
    for symbol in config.symbols:
        of = rules[str(symbol)]
        amount = max(float(of["amount_step"]), float(of["min_amount"] or 0))
        found.append(Least(amount, float(of["min_cost"] or 0)))
    return found


def step(run: Run, progress: Progress) -> Callable[[Lease], None]:
    """Works off what there is to do; returns what writes it all down."""
    from .engine import backtest

    desk = _Desk.of(run)
    config, state, stepper = desk.config, desk.state, desk.stepper
    checkpoint, cursor = desk.checkpoint, state.cursor
    if stepper.finished and not desk.ended and not outbox.under_way(run).exists():
        return lambda lease: ending.over(lease, run)
    flattens = run.flatten and run.stop_requested_at is not None and state.limit is None
    if flattens:
        desk.settled.append(stepper.flatten(desk.now_ms))
        checkpoint["flatten_at"] = desk.now_ms
    elif state.limit is not None and stepper.rest and not stepper.waits:
        _sell_again(desk)
    series: list[Bars] = []
    book = None
    if not stepper.waits and not stepper.finished:
        seen = tape.read(run, config)
        until = slices.end(seen, cursor)
        if until > cursor:
            series = [bars.between(config.anchor_ms, until) for bars in seen.series]
            cls, params = strategy_of(run)
            decisions = backtest.decide(cls, params, series)
            progress("", run.progress)  # Raises if a stop or a new owner came meanwhile.
            book = desk.ledger(series)
            for row in stepper.advance(series, decisions, until):
                book.add(row)
                slices.see(checkpoint, row)
                if row.limit is not None:
                    checkpoint["sold_ms"] = desk.now_ms
                if stepper.finished:
                    break
            counted = backtest.count_signals(config, series, decisions, cursor, state.cursor)
            signals = checkpoint["signals"]
            checkpoint["signals"] = {n: signals.get(n, 0) + count for n, count in counted.items()}
            checkpoint["missing"] += book.entries.missing
    written = book or desk.ledger()
    if not stepper.finished:
        # After the bars: their strategy may want to keep what it could not sell.
        for settlement in stepper.sell_again():
            written.settle(settlement)

    def write(lease: Lease) -> None:
        with transaction.atomic():
            desk.save(lease, written)
            if flattens:
                outbox.take_back_others(run, "flatten")
            _arrange(desk)
            crash.point("written, not committed")
        crash.point("committed")

    return write


def _sell_again(desk: _Desk) -> None:
    """What a sale at the end came short of, after a while: the venue had its reasons."""
    before = desk.checkpoint.get("sold_ms", desk.state.limit.time if desk.state.limit else 0)
    if desk.now_ms - before >= SELL_AGAIN_MS:
        desk.settled.append(desk.stepper.sell_rest(desk.now_ms))
        desk.checkpoint["sold_ms"] = desk.now_ms


def _arrange(desk: _Desk) -> None:
    run, stepper = desk.run, desk.stepper
    if stepper.finished and not outbox.under_way(run).exists():
        # The next slice closes the books.
        Run.objects.filter(id=run.id).update(due_at=timezone.now())
        return
    waits = stepper.waits or desk.state.limit is not None
    due.arrange_live(run, desk.state.cursor, waits=waits)
    if (again := stepper.sells_again) is not None:
        later = timezone.now() + timedelta(milliseconds=max(again - desk.now_ms, 0))
        Run.objects.filter(id=run.id, due_at=None).update(due_at=later)


def wind_up(run: Run) -> Callable[[Lease], None] | None:
    """For a run that is to be closed as it stands: takes its purchases back, and books what came.

    What writes that down; None when the books may be closed.  Stops that
    protect a position stay at the venue.
    """
    if not run.checkpoint:
        return None
    now_ms = int(timezone.now().timestamp() * 1000)
    since = run.checkpoint.get("closing_ms")
    waiting = outbox.under_way(run).exists()
    if not outbox.to_book(run).exists() and (
        not waiting or (since is not None and now_ms - since > PATIENCE_MS)
    ):
        return None
    desk = _Desk.of(run)
    desk.checkpoint["closing_ms"] = since or now_ms

    def write(lease: Lease) -> None:
        with transaction.atomic():
            desk.save(lease, desk.ledger())
            outbox.take_back_others(run, "stopped")
            Run.objects.filter(id=run.id).update(due_at=_again(run))
            crash.point("written, not committed")
        crash.point("committed")

    return write


def _again(run: Run) -> Any:
    """At once where nothing is waited for; the trader wakes the run before the pause is over."""
    now = timezone.now()
    return now + _LOOK if outbox.under_way(run).exists() else now
