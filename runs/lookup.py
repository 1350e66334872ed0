"""Finding a run by what somebody typed."""

from __future__ import annotations

import re
import uuid

from django.db.models import Q, QuerySet

from exchanges.domain import InvalidInput, NotFound

from .models import Run

_HEX = re.compile(r"[0-9a-f]{1,32}", re.ASCII)


def prefix_filter(text: str) -> Q | None:
    """Runs whose public id begins with `text`, dashes or not; None where no id can.

    A range rather than a LIKE: the index answers it on every database.
    """
    digits = text.strip().lower().replace("-", "")
    if not _HEX.fullmatch(digits):
        return None
    lowest, highest = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
    return Q(public_id__gte=lowest, public_id__lte=highest)


def find_run(text: str, runs: QuerySet[Run] | None = None) -> Run:
    """The one run whose public id begins with `text`.

    Raises RUN_NOT_FOUND, and AMBIGUOUS_RUN where several begin so.
    """
    matches = prefix_filter(text)
    candidates = Run.objects.all() if runs is None else runs
    found = list(
        candidates.filter(matches).select_related("strategy_version__strategy", "exchange")[:2]
        if matches is not None
        else []
    )
    if not found:
        raise NotFound("RUN_NOT_FOUND", f"No run's id begins with {text[:64]!r}")
    if len(found) > 1:
        raise InvalidInput(
            "AMBIGUOUS_RUN",
            f"More than one run's id begins with {text[:64]!r}",
            examples=[str(run.public_id) for run in found],
        )
    return found[0]
