"""Discrepancies in words: what each means, what each decision does, and both sides of it."""

from __future__ import annotations

from typing import Any

from runs import descriptions, formats
from runs.models import Discrepancy

Kind = Discrepancy.Kind
_ADOPT, _CLOSE, _IGNORE = Discrepancy.Resolution

MEANINGS = {
    Kind.FOREIGN_ORDER: "An open order at the venue that is not ours, on a market the run trades.",
    Kind.FOREIGN_FILL: "A trade at the venue of an order that is not ours, since the run began.",
    Kind.MISSING_ORDER: "The venue had our order, and does not know it any more.",
    Kind.FILL_MISMATCH: "The order is over at the venue; its trades come to less than its sum.",
    Kind.STATE_MISMATCH: "The order is over in our books, and open at the venue.",
    Kind.BALANCE_SHORT: "There is less of the coin at the venue than our runs' positions.",
}
EFFECTS: dict[tuple[str, str], str] = {
    (Kind.FOREIGN_ORDER, _ADOPT): "The order becomes the run's, with all its trades.",
    (Kind.FOREIGN_ORDER, _CLOSE): "The order is canceled at the venue.",
    (Kind.FOREIGN_ORDER, _IGNORE): "The order stays, and is not spoken of again.",
    (Kind.FOREIGN_FILL, _ADOPT): "The trade is booked as the run's.",
    (Kind.FOREIGN_FILL, _CLOSE): "A market order trades the amount back, outside the run's books.",
    (Kind.FOREIGN_FILL, _IGNORE): "The trade is not spoken of again.",
    (Kind.MISSING_ORDER, _ADOPT): "The order is taken for canceled, with what its trades say.",
    (Kind.MISSING_ORDER, _CLOSE): "The order is taken for canceled, with what its trades say.",
    (Kind.MISSING_ORDER, _IGNORE): "The order stays open in our books, and others wait for it.",
    (Kind.FILL_MISMATCH, _ADOPT): "The venue's sum is believed; what lacks is booked with it.",
    (Kind.FILL_MISMATCH, _IGNORE): "The order waits for its trades, and others wait for it.",
    (Kind.STATE_MISMATCH, _CLOSE): "The order is canceled at the venue.",
    (Kind.STATE_MISMATCH, _IGNORE): "The order stays open at the venue.",
    (Kind.BALANCE_SHORT, _ADOPT): "What lacks is written off: the run has sold it for nothing.",
    (Kind.BALANCE_SHORT, _IGNORE): "The run goes on as if the coins were there.",
}


def sides(row: Discrepancy) -> list[tuple[str, str, str]]:
    """(what, ours, theirs), of all that either side tells; what both tell comes first."""
    names = {**dict.fromkeys(row.ours), **dict.fromkeys(row.theirs)}
    both = sorted(names, key=lambda name: not (name in row.ours and name in row.theirs))
    return [
        (name.replace("_", " "), _shown(row.ours, name), _shown(row.theirs, name))
        for name in both
        if name not in ("note", "closing")
    ]


def _shown(side: dict[str, Any], name: str) -> str:
    value = side.get(name)
    if name == "positions" and isinstance(value, list):
        value = [f"{held['amount']} {held['symbol']} of {held['run_id'][:8]}" for held in value]
    if name in ("timestamp", "created") and isinstance(value, int):
        return formats.moment(value)
    return formats.printable(descriptions.shown(value)) or formats.NOTHING
