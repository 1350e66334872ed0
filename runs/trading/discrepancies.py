"""What does not match between a venue's books and ours: told once, and decided by people.

While one of a run's is open, the run buys nothing; its stops stay.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from exchanges import audit
from exchanges.domain import InvalidInput
from exchanges.models import Account
from runs import recorder
from runs.models import Discrepancy, Protection, Run, VenueOrder

from . import adopting
from .holdings import Holdings

logger = logging.getLogger(__name__)

Kind = Discrepancy.Kind
_ADOPT, _CLOSE, _IGNORE = Discrepancy.Resolution

ACTIONS = {
    Kind.FOREIGN_ORDER: (_ADOPT, _CLOSE, _IGNORE),
    Kind.FOREIGN_FILL: (_ADOPT, _CLOSE, _IGNORE),
    Kind.MISSING_ORDER: (_ADOPT, _CLOSE, _IGNORE),
    Kind.FILL_MISMATCH: (_ADOPT, _IGNORE),
    Kind.STATE_MISMATCH: (_CLOSE, _IGNORE),
    Kind.BALANCE_SHORT: (_ADOPT, _IGNORE),
}
DESK = "desk"
"""Who resolved what cured itself."""

_FOREIGN = (Kind.FOREIGN_ORDER, Kind.FOREIGN_FILL)


# --- told and gone ---------------------------------------------------------------------------


def tell(
    account: Account,
    kind: str,
    run: Run | None,
    subject: str,
    symbol: str = "",
    ours: dict[str, Any] | None = None,
    theirs: dict[str, Any] | None = None,
) -> bool:
    """Records it, with its Events; whether it is new.

    It is once and for all where people have decided, and told again where it
    was gone, where it holds another run now, or where more is short than was
    decided about.
    """
    same = Discrepancy.objects.filter(account=account, kind=kind, symbol=symbol, subject=subject)
    row = same.first()
    if row is not None and not _is_news(row, run, theirs or {}):
        return False
    with transaction.atomic():
        # Of two processes that see it, one writes.
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        row = same.first()
        if row is None:
            row = Discrepancy(account=account, kind=kind, symbol=symbol, subject=subject)
        elif not _is_news(row, run, theirs or {}):
            return False
        row.run, row.ours, row.theirs = run, ours or {}, theirs or {}
        _record(row)
    logger.warning("account %s: %s %s %s", account.public_id, kind, symbol, subject)
    return True


def _record(row: Discrepancy) -> None:
    row.found_at, row.resolution, row.resolved_at, row.resolved_by = timezone.now(), "", None, ""
    run = row.run
    held = run is not None and _open_of(run).exclude(pk=row.pk).exists()
    row.save()
    if run is not None:
        told = {"ours": row.ours, "theirs": row.theirs}
        recorder.append(run.pk, "discrepancy.found", describe(row) | told)
        if not held and _is_active(run):
            recorder.append(run.pk, "run.held", describe(row))


def _is_news(row: Discrepancy, run: Run | None, theirs: dict[str, Any]) -> bool:
    if row.resolved_at is None:
        return not row.resolution and run is not None and row.run_id != run.pk
    if not row.resolution:
        return True
    if row.kind != Kind.BALANCE_SHORT:
        return False
    decided = Decimal(row.theirs["short"])
    return row.resolution == _ADOPT or Decimal(theirs["short"]) > decided


def describe(discrepancy: Discrepancy) -> dict[str, Any]:
    return {
        "id": discrepancy.pk,
        "kind": str(discrepancy.kind),
        "symbol": discrepancy.symbol or None,
        "subject": discrepancy.subject,
    }


def gone(discrepancy: Discrepancy) -> bool:
    """It has cured itself, also where somebody had just decided."""
    return _end(discrepancy, "discrepancy.gone", {}, resolution="", resolved_by=DESK)


def done(discrepancy: Discrepancy) -> bool:
    """What was decided has been carried out."""
    action, by = str(discrepancy.resolution), discrepancy.resolved_by
    return _end(discrepancy, "discrepancy.resolved", {"action": action, "by": by})


@transaction.atomic
def _end(discrepancy: Discrepancy, event: str, more: dict[str, Any], **fields: Any) -> bool:
    mine = Discrepancy.objects.filter(pk=discrepancy.pk, resolved_at=None)
    if not mine.update(resolved_at=timezone.now(), **fields):
        return False
    discrepancy.refresh_from_db()
    if discrepancy.run_id is not None:
        recorder.append(discrepancy.run_id, event, describe(discrepancy) | more)
        _free(discrepancy.run_id)
    return True


def _free(run_id: int) -> None:
    run = Run.objects.filter(pk=run_id, status__in=Run.ACTIVE).first()
    if run is not None and not _open_of(run).exists():
        recorder.append(run_id, "run.freed", {})


@transaction.atomic
def refuse(discrepancy: Discrepancy, reason: str) -> None:
    """What was decided cannot be done: it waits for another decision, and says why."""
    ours = {name: value for name, value in discrepancy.ours.items() if name != "closing"}
    mine = Discrepancy.objects.filter(
        pk=discrepancy.pk, resolved_at=None, resolution=discrepancy.resolution
    )
    if not mine.update(resolution="", resolved_by="", ours=ours | {"note": reason}):
        return
    logger.warning(
        "discrepancy %s: %s is refused: %s", discrepancy.pk, discrepancy.resolution, reason
    )
    if discrepancy.run_id is not None:
        why = {"action": str(discrepancy.resolution), "reason": reason}
        recorder.append(discrepancy.run_id, "discrepancy.refused", describe(discrepancy) | why)


# --- decided ---------------------------------------------------------------------------------


def actions(discrepancy: Discrepancy) -> list[str]:
    """What may be decided about it now."""
    possible = [str(action) for action in ACTIONS[Kind(discrepancy.kind)]]
    if discrepancy.kind in _FOREIGN and not _fits(discrepancy):
        possible.remove(_ADOPT)
    return possible


def _fits(discrepancy: Discrepancy) -> bool:
    """Whether its run goes on, and has what the foreign order sells or spends."""
    run, theirs = discrepancy.run, discrepancy.theirs
    if run is None or not _is_active(run) or discrepancy.symbol not in run.symbols:
        return False
    holdings = Holdings.of(run)
    amount = Decimal(theirs["amount"])
    if theirs["side"] == "sell":
        rests = discrepancy.kind == Kind.FOREIGN_ORDER
        guarded = Protection.objects.filter(run=run, symbol=discrepancy.symbol)
        # While a sale of the run rests, its stop cannot: both would sell the same coins.
        return amount <= holdings.position(discrepancy.symbol) and not (rests and guarded.exists())
    return amount * Decimal(theirs["price"] or 0) <= holdings.free_cash(discrepancy.symbol)


@transaction.atomic
def resolve(discrepancy: Discrepancy, action: str, by: str) -> Discrepancy:
    """Decides: `adopt`, `close` or `ignore`; docs/operations.md says what each does.

    What needs the venue is noted, and done by the account's trader within
    moments: `resolved_at` is null until then.  Where it cannot be done, the
    discrepancy is open again, with a `note` among `ours`.  Raises
    UNKNOWN_ACTION with the `actions` it allows now, and DISCREPANCY_RESOLVED.
    """
    row = Discrepancy.objects.select_for_update().get(pk=discrepancy.pk)
    if row.resolution or row.resolved_at is not None:
        raise InvalidInput(
            "DISCREPANCY_RESOLVED",
            f"It is decided already, by {row.resolved_by}" if row.resolved_by else "It is gone",
            resolution=row.resolution or None,
            resolved_by=row.resolved_by,
        )
    possible = actions(row)
    if action not in possible:
        raise InvalidInput(
            "UNKNOWN_ACTION", f"{action!r:.40} cannot be done about it", actions=possible
        )
    row.resolution, row.resolved_by = action, by[:80]
    row.save(update_fields=["resolution", "resolved_by"])
    audit.record(
        by,
        "discrepancy.resolved",
        str(row.pk),
        action=action,
        account=str(row.account.public_id),
        **{name: value for name, value in describe(row).items() if name != "id"},
    )
    if action == _IGNORE:
        done(row)
    elif action == _ADOPT and row.kind == Kind.FOREIGN_FILL:
        assert row.run is not None
        if adopting.fill(row, row.run) is None:
            raise InvalidInput(
                "DISCREPANCY_RESOLVED", "The trade is in our books already", resolution=None
            )
        done(row)
    return row


# --- read ------------------------------------------------------------------------------------


def listed(
    owner: str, account: Account | None = None, run: Run | None = None, open_only: bool = True
) -> QuerySet[Discrepancy]:
    """What an owner may know of, newest first; empty: everything.

    Theirs are those of their runs, and those of no run on accounts they have traded on.
    """
    found = Discrepancy.objects.select_related("account__exchange", "run")
    found = found.defer("account__exchange__markets")
    if owner:
        traded = Run.objects.filter(owner=owner, account__isnull=False).values("account_id")
        sent = VenueOrder.objects.filter(owner=owner).values("account_id")
        theirs = Q(account_id__in=traded) | Q(account_id__in=sent)
        found = found.filter(Q(run__owner=owner) | (Q(run=None) & theirs))
    if account is not None:
        found = found.filter(account=account)
    if run is not None:
        found = found.filter(run=run)
    if open_only:
        found = found.filter(resolved_at=None)
    return found.order_by(F("resolved_at").desc(nulls_first=True), "-id")


def open_ones(account: Account) -> list[Discrepancy]:
    """Of an account, oldest first; those with a resolution wait for being carried out."""
    found = Discrepancy.objects.filter(account=account, resolved_at=None)
    return list(found.select_related("run", "account").order_by("id"))


def undecided(account: Account) -> list[Discrepancy]:
    return [discrepancy for discrepancy in open_ones(account) if not discrepancy.resolution]


def _open_of(run: Run) -> QuerySet[Discrepancy]:
    return Discrepancy.objects.filter(run=run, resolved_at=None)


def _is_active(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk, status__in=Run.ACTIVE).exists()
