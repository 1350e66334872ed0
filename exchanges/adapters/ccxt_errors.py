"""What an error means: for an order on its way, for a cancel, for a question.

A refusal counts only if the venue itself said so, in JSON.  Anything a proxy,
an edge server or a broken connection may have caused leaves the outcome open.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import ccxt  # noqa: TID251

from exchanges.adapters.ccxt_client import BadData
from exchanges.domain import VenueError
from exchanges.trading import NotNow, NotPlaced, OutcomeUnknown, SignInRefused

OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
_LONGEST_TEXT = 160
_LONGEST_PAUSE = 3 * 86_400
_PAUSE, _BAN_PAUSE = 1, 120
_DUPLICATE = re.compile(r"duplicat|already (exist|used)|repeated|not unique|must be unique", re.I)
_TOO_SMALL = re.compile(r"NOTIONAL|minimum|too small|less than min|below min", re.I)
_ADDRESS = re.compile(r"\S*://\S*|\S*[?&][\w.-]+=\S*|/(?:api|sapi|v\d)/\S*")
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
_ASSIGNED = re.compile(r"(?i)\b(signature|sign|api-?key|secret|token|passphrase)\b\s*[=:]\s*\S+")
_CODES = ("code", "retCode", "ret_code", "err-code", "error_code", "errorCode", "sCode", "label")
_TEXTS = ("msg", "message", "retMsg", "ret_msg", "err-msg", "sMsg", "error", "reason", "detail")


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed.  `sent`: the request may have left.

    `status` and `headers` are of the HTTP answer, if a whole one came; `said`
    is its JSON, None if it was none.
    """

    error: Exception
    sent: bool
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    said: Any = None

    @property
    def refused(self) -> bool:
        """The venue said no in its own words, and was well when it did."""
        return isinstance(self.said, (dict, list)) and (self.status or 0) < 500


class Redactor:
    """Takes addresses, signatures and whatever signs in out of a text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        words = {word for secret in secrets for word in {secret, quote(secret, safe="")} if word}
        self._words = sorted(words, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for word in self._words:
            text = text.replace(word, "***")
        for pattern in (_ADDRESS, _ASSIGNED, _TOKEN):
            text = pattern.sub("***", text)
        return " ".join(text.split())[:_LONGEST_TEXT]


class Judge:
    """Errors of one account's client, in the port's terms."""

    def __init__(self, title: str, secrets: Iterable[str]) -> None:
        self._title, self._clean = title, Redactor(secrets)

    def submission(self, failure: Failure) -> NotPlaced | NotNow | OutcomeUnknown:
        """What a failed attempt to place an order means."""
        error = failure.error
        if isinstance(error, (NotPlaced, NotNow, OutcomeUnknown)):
            return error
        if not failure.sent:
            return NotPlaced(
                _refusal_code(error, ""), self._text(failure, "did not send the order")
            )
        if (held_off := self._held_off(failure)) is not None:
            return held_off
        if self._is_refusal(failure):
            text = self._text(failure, "refused the order")
            code = _refusal_code(error, _told(failure.said)[1])
            return NotPlaced(code, text, **_details(failure))
        text = self._text(failure, "may have taken the order")
        return OutcomeUnknown(OUTCOME_UNKNOWN, text, **_details(failure))

    def cancellation(self, failure: Failure) -> VenueError | None:
        """None: there is nothing that could be taken back."""
        if isinstance(failure.error, (ccxt.OrderNotFound, ccxt.CancelPending)) and failure.refused:
            return None
        problem = self.question(failure)
        told = failure.refused and isinstance(failure.error, ccxt.ExchangeError)
        if isinstance(problem, (NotNow, SignInRefused)) or told or not failure.sent:
            return problem
        text = self._text(failure, "may have canceled the order")
        return OutcomeUnknown(OUTCOME_UNKNOWN, text, **_details(failure))

    def question(self, failure: Failure) -> VenueError:
        """Why a question was not answered."""
        error = failure.error
        if isinstance(error, VenueError):
            return error
        if (held_off := self._held_off(failure)) is not None:
            return held_off
        if isinstance(error, ccxt.BadSymbol):
            return VenueError("INVALID_SYMBOL", self._text(failure, "does not know the symbol"))
        if isinstance(error, ccxt.AuthenticationError) and (failure.refused or not failure.sent):
            return SignInRefused("CREDENTIALS_REFUSED", self._text(failure, "refused the key"))
        if isinstance(error, (ccxt.NetworkError, ccxt.AuthenticationError)):
            return VenueError("VENUE_UNREACHABLE", self._text(failure, "could not be reached"))
        if isinstance(error, ccxt.BaseError) and not isinstance(error, ccxt.BadResponse):
            return VenueError("VENUE_ERROR", self._text(failure, "refused the request"))
        return VenueError("VENUE_BAD_DATA", self._text(failure, "sent malformed data"))

    def _held_off(self, failure: Failure) -> NotNow | None:
        """For certain not taken, and another time it may be."""
        error, status = failure.error, failure.status
        if isinstance(error, ccxt.InvalidNonce) and failure.refused:
            return NotNow("VENUE_CLOCK", self._text(failure, "refused the request's time"))
        # ccxt takes a -2015 of a key that worked before for a ban of the key.
        ban = status == 418 or _told(failure.said)[0] == "-2015"
        hasty = isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded))
        if status in (418, 429) or (hasty and failure.refused):
            return NotNow(
                "VENUE_RATE_LIMITED",
                self._text(failure, "asks for fewer requests"),
                retry_after_seconds=_pause(failure.headers, ban),
                banned=ban,
            )
        return None

    def _is_refusal(self, failure: Failure) -> bool:
        error = failure.error
        unsure = (ccxt.OperationFailed, ccxt.OrderNotFound, ccxt.DuplicateOrderId)
        if not isinstance(error, ccxt.BaseError) or isinstance(error, unsure):
            return False
        if not failure.refused or _DUPLICATE.search(_told(failure.said)[1]):
            return False
        if type(error) is ccxt.ExchangeError:
            # ccxt could not tell what it means; what the venue blames on the request is a no.
            return 400 <= (failure.status or 0) < 500 and bool(_told(failure.said)[0])
        return True

    def _text(self, failure: Failure, what: str) -> str:
        error, code, told = failure.error, "", ""
        if isinstance(error, ccxt.BaseError):
            code, told = _told(failure.said)
        if isinstance(error, BadData) or (isinstance(error, ccxt.BaseError) and not failure.sent):
            told = str(error)
        facts = [type(error).__name__]
        if failure.status is not None and failure.status >= 300:
            facts.append(f"HTTP {failure.status}")
        facts.append(" ".join(part for part in (self._clean(code), self._clean(told)) if part))
        return f"{self._title} {what} ({': '.join(fact for fact in facts if fact)})"


def _details(failure: Failure) -> dict[str, str]:
    """ccxt's class of error and the venue's own code, e.g. OrderImmediatelyFillable, -2010."""
    code = _told(failure.said)[0]
    return {"reason": type(failure.error).__name__} | ({"venue_code": code[:40]} if code else {})


def _refusal_code(error: Exception, told: str) -> str:
    if isinstance(error, ccxt.InsufficientFunds):
        return "INSUFFICIENT_FUNDS"
    if isinstance(error, ccxt.BadSymbol):
        return "INVALID_SYMBOL"
    if isinstance(error, ccxt.MarketClosed):
        return "MARKET_CLOSED"
    if isinstance(error, ccxt.AuthenticationError):
        return "CREDENTIALS_REFUSED"
    if _TOO_SMALL.search(told):
        return "ORDER_TOO_SMALL"
    return "ORDER_REFUSED"


def _told(said: Any) -> tuple[str, str]:
    """The venue's own code and text, where they are found in most answers."""
    if isinstance(said, list):
        said = said[0] if said else None
    if not isinstance(said, dict):
        return "", ""
    code, text = _first(said, _CODES), _first(said, _TEXTS)
    for inner in (said.get("error"), said.get("data")):
        inner = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(inner, dict):
            code, text = _first(inner, _CODES) or code, _first(inner, _TEXTS) or text
        elif isinstance(inner, str) and not text:
            text = inner
    return code, text


def _first(said: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        value = said.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def _pause(headers: Mapping[str, str], ban: bool) -> int:
    """Whole seconds; what the venue asks for, if it does."""
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        return _BAN_PAUSE if ban else _PAUSE
    return min(max(math.ceil(seconds), 1), _LONGEST_PAUSE)
