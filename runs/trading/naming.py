"""What an order is called: the same at every attempt, on every machine, after every crash."""

from __future__ import annotations

import hashlib

KILL = "kill-"
"""How the order ids of a kill switch's own sales begin: they pass where nothing else does."""

MANUAL = "manual-"
"""How the order ids begin that people gave."""


def client_id(owner: str, order_id: str) -> str:
    """Of the order `order_id` of a run, or of an account, by its public id: 32 hex digits.

    So many every venue takes that takes any, and no two orders share.
    """
    return hashlib.sha256(f"{owner}|{order_id}".encode()).hexdigest()[:32]
