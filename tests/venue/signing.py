"""Who sends a request, and whether it is signed in time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .ledger import Ledger
from .orders import Account
from .reading import whole
from .rules import VenueRefusal

_DEFAULT_WINDOW, _LONGEST_WINDOW = 5000, 60_000
_AHEAD_MS = 1000
_BAD_KEY = "Invalid API-key, IP, or permissions for action."


@dataclass(frozen=True)
class Call:
    """One request.  `signed_text` is the query and the body as they were sent."""

    params: dict[str, str]
    signed_text: str = ""
    key: str = ""
    source: str = "production"

    @property
    def timestamp(self) -> int:
        return whole(self.params, "timestamp")

    @property
    def recv_window(self) -> int:
        return whole(self.params, "recvWindow", _DEFAULT_WINDOW)

    def signing(self) -> tuple[int, int]:
        """(timestamp, recvWindow), zeros if they are malformed."""
        try:
            return self.timestamp, self.recv_window
        except VenueRefusal:
            return 0, 0


Endpoint = Callable[[Call], Any]


class KeyCheck:
    """`now_ms` judges timestamps; it is the venue's time unless a test says otherwise."""

    def __init__(self, ledger: Ledger, now_ms: Callable[[], int]) -> None:
        self._ledger = ledger
        self.now_ms = now_ms

    def admit(self, call: Call, permission: str = "read") -> Account:
        """Raises -2014, -2015, -1022, -1102, -1131, -1021; `permission` is "read" or "trade"."""
        if not call.key:
            raise VenueRefusal(-2014, "API-key format invalid.", 401)
        account = self._ledger.account_of(call.key)
        if account is None or account.realm not in (None, call.source):
            raise VenueRefusal(-2015, _BAD_KEY, 401)
        signature = call.params.get("signature", "")
        text = call.signed_text.replace(f"&signature={signature}", "")
        right = hmac.new(account.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), signature.encode()):
            raise VenueRefusal(-1022, "Signature for this request is not valid.")
        if not (account.may_trade if permission == "trade" else account.can_read):
            raise VenueRefusal(-2015, _BAD_KEY, 401)
        self._check_time(call.timestamp, call.recv_window)
        return account

    def _check_time(self, timestamp: int, window: int) -> None:
        if window > _LONGEST_WINDOW:
            raise VenueRefusal(-1131, "recvWindow must be less than 60000")
        now = self.now_ms()
        if timestamp >= now + _AHEAD_MS:
            raise VenueRefusal(
                -1021, "Timestamp for this request was 1000ms ahead of the server's time."
            )
        if now - timestamp > window:
            raise VenueRefusal(-1021, "Timestamp for this request is outside of the recvWindow.")
