"""Which orders of ours a venue may be speaking of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q

from exchanges.models import Account
from exchanges.trading import OrderReport
from runs.models import VenueOrder

from . import comparing


class Ours:
    """By the venue's id, else by the name that was committed before it was sent."""

    def __init__(
        self,
        account: Account,
        symbol: str,
        told: Sequence[OrderReport] = (),
        venue_ids: Iterable[str] = (),
    ) -> None:
        ids, called = set(venue_ids), set[str]()
        for report in told:
            ids.add(report.venue_id)
            called |= comparing.names(report.client_id)
        wanted = Q(venue_id__in=ids - {""}) | Q(client_id__in=called)
        rows = VenueOrder.objects.filter(wanted, account=account, symbol=symbol)
        rows = rows.select_related("run")
        self._by_id = {row.venue_id: row for row in rows if row.venue_id}
        # The name of one that has another id there is another order's: venues use names again.
        self._by_name = {row.client_id: row for row in rows if not row.venue_id}

    def order(self, venue_id: str, client_id: str) -> VenueOrder | None:
        known = self._by_id.get(venue_id)
        if known is not None:
            return known
        matches = (self._by_name.get(name) for name in comparing.names(client_id))
        return next((row for row in matches if row is not None), None)
