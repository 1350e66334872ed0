"""A ccxt client that talks to one place only, and repeats what may be repeated.

For reading market data; nothing that places an order goes through here.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import ccxt  # noqa: TID251
import requests

from exchanges.adapters import Door
from exchanges.adapters.venue_clock import OnWait, Reading, VenueClock
from exchanges.domain import VenueError
from exchanges.ports import Clock

T = TypeVar("T")
_CONNECT_SECONDS = 5.0
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 60.0
_CONNECT_RETRIES = 2
_TICK = 0.2
_BURST_SECONDS = 0.5
_NO_CLOCK_MARGIN_MS = 5_000
_EARLIEST_MS, _LATEST_MS = 1_230_768_000_000, 4_102_444_800_000  # 2009, 2100
_UNTOUCHED_URLS = {"logo", "www", "doc", "fees", "referral", "api_management"}


class BadData(Exception):
    """The venue answered with something that is not what was asked for."""


class CcxtClient:
    """`call` runs one request; one at a time, because ccxt's rate limiter needs that."""

    def __init__(self, door: Door, sleep: Callable[[float], None] = time.sleep) -> None:
        self.door = door
        self._sleep = sleep
        self._lock = threading.RLock()
        self._markets_at: float | None = None
        self._dated: Reading | None = None
        self._clock: VenueClock | None = None
        self.api = getattr(ccxt, door.ccxt_id)(
            {
                "enableRateLimit": True,
                "timeout": int(door.timeout * 1000),
                "session": _Session(min(_CONNECT_SECONDS, door.timeout)),
            }
        )
        self.api.enableLastJsonResponse = True
        self.api.throttle = Pace(self.api)
        # Not needed for candles, and another request or a signed one for many venues.
        self.api.has["fetchCurrencies"] = False
        # ccxt drops rows outside the range asked for, broken ones among them, before
        # anybody can see that the answer was broken.
        self.api.filter_by_since_limit = lambda rows, *_, **__: rows
        spot_only(self.api)
        if door.base_url:
            redirect(self.api, door.base_url)

    def call(self, request: Callable[[], T], on_wait: OnWait | None = None) -> T:
        """Repeats after network errors, refusals for haste, and `BadData`.

        Raises ccxt.BadSymbol, or VenueError: VENUE_UNREACHABLE,
        VENUE_RATE_LIMITED, VENUE_BAD_DATA, VENUE_ERROR.  Their texts hold no
        address.  `on_wait` is called while waiting and may raise to give up.
        """
        failures = 0
        while True:
            value, error = self._attempt(request, on_wait)
            if error is None:
                return value
            if isinstance(error, ccxt.BadSymbol):
                raise error
            failures += 1
            problem, retries = self._judge(error)
            if failures > min(retries, self.door.retries):
                raise problem from error
            self._wait(self._pause(error, failures), on_wait)

    def load_markets(self, max_age: float, on_wait: OnWait | None = None) -> None:
        """Learns the markets unless that happened less than `max_age` seconds ago."""
        if self._markets_at is not None and time.monotonic() - self._markets_at < max_age:
            return

        def ask() -> None:
            self.api.load_markets(True)
            if not self.api.markets:
                raise BadData("no markets")

        self.call(ask, on_wait)
        self._markets_at = time.monotonic()

    def clock(self, desk: Clock) -> VenueClock:
        """The venue's clock, one for all who use this client; `desk` is the installation's."""
        if self._clock is None or self._clock.desk != desk:
            self._clock = VenueClock(lambda on_wait: self._read_clock(desk, on_wait), desk)
        return self._clock

    def _read_clock(self, desk: Clock, on_wait: OnWait | None) -> Reading:
        """What the venue says when asked; else how it dated its last answer, to the second.

        A venue that does neither is taken to be 5 s behind the desk's clock.
        """

        def ask() -> Reading:
            ms = self.api.fetch_time()
            if not isinstance(ms, (int, float)) or not _EARLIEST_MS < ms < _LATEST_MS:
                raise BadData("not a time")
            return Reading(int(ms), time.monotonic())

        if self.api.has.get("fetchTime") is True:
            try:
                return self.call(ask, on_wait)
            except VenueError:
                if self._dated is None:
                    raise
        return self._dated or Reading(desk.now_ms() - _NO_CLOCK_MARGIN_MS, time.monotonic())

    def _note_date(self) -> None:
        headers = self.api.last_response_headers or {}
        with contextlib.suppress(ValueError, TypeError):
            ms = int(parsedate_to_datetime(headers["Date"]).timestamp() * 1000)
            self._dated = Reading(ms, time.monotonic())

    def _attempt(self, request: Callable[[], T], on_wait: OnWait | None) -> tuple[T, Any]:
        """The answer or what went wrong.  Given up, the request ends by itself, unheard."""
        outcome: list[tuple[Any, Exception | None]] = []

        def work() -> None:
            try:
                with self._lock:
                    value = request()
                    self._note_date()
                    outcome.append((value, None))
            except Exception as error:  # noqa: BLE001 - judged by the caller
                outcome.append((None, error))

        if on_wait is None:
            work()
        else:
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            thread.join(_TICK)
            while thread.is_alive():
                on_wait()
                thread.join(_TICK)
        return outcome[0]

    def _wait(self, seconds: float, on_wait: OnWait | None) -> None:
        while seconds > 0:
            self._sleep(min(seconds, _TICK))
            seconds -= _TICK
            if on_wait is not None:
                on_wait()

    def _judge(self, error: Exception) -> tuple[VenueError, int]:
        """What to tell the caller, and how often to try again before."""
        title = self.api.name or self.door.ccxt_id
        retries = self.door.retries
        if isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded)):
            return VenueError(
                "VENUE_RATE_LIMITED", f"{title} answers that it is asked too often"
            ), retries
        if isinstance(error, ccxt.NetworkError):
            problem = VenueError(
                "VENUE_UNREACHABLE",
                f"{title} could not be reached ({type(error).__name__})",
                exchange=self.door.name,
            )
            return problem, _CONNECT_RETRIES if _never_connected(error) else retries
        if isinstance(error, ccxt.BaseError):
            text = f"{title} refused the request ({type(error).__name__})"
            # The bare class says that ccxt could not tell, not that the venue said no.
            unclear = type(error) is ccxt.ExchangeError
            return VenueError("VENUE_ERROR", text, exchange=self.door.name), retries * unclear
        # Whatever else escapes ccxt's parsers was caused by what they were given.
        reason = str(error) if isinstance(error, BadData) else type(error).__name__
        return VenueError(
            "VENUE_BAD_DATA", f"{title} sent malformed data: {reason}", exchange=self.door.name
        ), retries

    def _pause(self, error: Exception, failures: int) -> float:
        pause = _FIRST_PAUSE * float(2 ** (failures - 1))
        if isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded)):
            headers = self.api.last_response_headers or {}
            with contextlib.suppress(ValueError):
                pause = max(pause, float(headers.get("Retry-After", "")))
        return min(pause, _LONGEST_PAUSE)


class Pace:
    """The venue's pace over any second and more; what is due together leaves together.

    ccxt's own goes by the wall clock: set back an hour, it waits an hour.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self._paid_until = 0.0

    def __call__(self, cost: float | None = None) -> None:
        now = time.monotonic()
        price = self._api.rateLimit / 1000 * (1 if cost is None else cost)
        self._paid_until = max(self._paid_until, now - _BURST_SECONDS) + price
        if self._paid_until > now:
            time.sleep(self._paid_until - now)


class _Session(requests.Session):
    """Gives up soon on a server that does not answer at all."""

    def __init__(self, connect_seconds: float) -> None:
        super().__init__()
        self._connect_seconds = connect_seconds

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        timeout = kwargs.get("timeout")
        if isinstance(timeout, (int, float)):
            kwargs["timeout"] = (self._connect_seconds, timeout)
        return super().request(*args, **kwargs)


def spot_only(api: Any) -> None:
    """Has it learn the spot markets and not five other kinds, where ccxt has an option for it."""
    options = api.options.get("fetchMarkets")
    types = options.get("types") if isinstance(options, dict) else None
    if isinstance(types, list) and "spot" in types:
        options["types"] = ["spot"]
    elif isinstance(types, dict) and "spot" in types:
        options["types"] = {name: name == "spot" for name in types}


def redirect(api: Any, base_url: str) -> None:
    """Sends every address of the client to another server, sandbox and demo ones too.

    Paths stay: https://api.binance.com/api/v3 becomes <base_url>/api/v3.
    """
    target = urlsplit(base_url)

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: moved(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [moved(entry) for entry in value]
        if not isinstance(value, str):
            return value
        parts = urlsplit(value)
        scheme = target.scheme
        if parts.scheme in ("ws", "wss"):
            scheme = "wss" if target.scheme == "https" else "ws"
        path = target.path.rstrip("/") + parts.path
        return urlunsplit((scheme, target.netloc, path, parts.query, ""))

    for key in set(api.urls) - _UNTOUCHED_URLS:
        api.urls[key] = moved(api.urls[key])


def _never_connected(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, requests.exceptions.ConnectTimeout):
            return True
        if isinstance(cause, requests.exceptions.ConnectionError):
            return "NewConnectionError" in repr(cause) or "NameResolutionError" in repr(cause)
        cause = cause.__cause__
    return False
