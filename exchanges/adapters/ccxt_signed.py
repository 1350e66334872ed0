"""A ccxt client that signs in as one account, and repeats nothing."""

from __future__ import annotations

import contextlib
import decimal
import json
import logging
import math
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

from exchanges.adapters import Door
from exchanges.adapters.ccxt_client import BadData, Pace
from exchanges.adapters.ccxt_errors import Failure, Judge
from exchanges.adapters.ccxt_setup import signed_api
from exchanges.adapters.ccxt_traits import traits
from exchanges.adapters.ccxt_wire import Answer, Wire, hosts_of
from exchanges.adapters.venue_clock import OnWait, Reading, VenueClock
from exchanges.domain import VenueError
from exchanges.ports import Clock
from exchanges.trading import Keys, NotNow

logger = logging.getLogger(__name__)

T = TypeVar("T")
_MARKETS_KEPT = 3600.0
_RENEW_SECONDS = 60.0
_NO_CLOCK_MARGIN_MS = 5_000
_EARLIEST_MS, _LATEST_MS = 1_230_768_000_000, 4_102_444_800_000  # 2009, 2100
_READING_WINDOW_MS = 5_000
_DATED_SECONDS = 20.0


class SignedClient:
    """Requests of one account, each a single try within `timeout` seconds.

    A request names the venue's time, or the time it is told to, and how late it
    may come, where the venue has such a thing.  Numbers of its answers are text
    from the wire on.  Errors raised have no cause or context: those hold signed
    addresses.  For one thread.
    """

    def __init__(
        self,
        door: Door,
        keys: Keys,
        sandbox: bool,
        recv_window_ms: int,
        timeout: float,
        clock: Clock,
    ) -> None:
        self.api = signed_api(door, keys, sandbox)
        self.traits = traits(self.api)
        self.judge = Judge(self.api.name or door.ccxt_id, keys.values.values())
        self.wire = Wire(timeout, hosts_of(self.api))
        self.api.session, self.api.timeout = self.wire, int(timeout * 1000)
        self._desk = clock
        self._clock = VenueClock(self._read_clock, clock)
        self._window_ms = recv_window_ms
        self._markets_at: float | None = None
        self._tried_at = -math.inf
        self._dated: Reading | None = None
        self._said: Any = None
        self._exact = False
        self.api.throttle = Pace(self.api)
        self.api.on_json_response = self._read_json

    # --- calls ---

    def ask(self, request: Callable[[], T], *, signed: bool = True, exact: bool = True) -> T:
        """Raises VenueError (NotNow, SignInRefused) for what a question met."""
        if signed:
            self._set_time(self.now_ms(), time.monotonic())
        value, problem = self._attempt(request, self.judge.question, exact)
        if problem is not None:
            raise problem
        return cast(T, value)

    def order(self, request: Callable[[], T], stamp_ms: int) -> T:
        """Places an order, signed with `stamp_ms`.

        Raises NotPlaced, NotNow, OutcomeUnknown; NotNow too where the process
        stood still until the stamp was too old.
        """
        now, began = self._now_or_never(), _awake()
        if self.traits.timed:
            self.api.milliseconds = lambda: stamp_ms
        self._use_window(self._window_ms)

        def check() -> None:
            late = now + (_awake() - began) * 1000 * self._desk.speed - stamp_ms
            if late > self._window_ms:
                raise NotNow("VENUE_CLOCK", "The order waited too long to be sent")

        value, problem = self._attempt(request, self.judge.submission, True, check)
        if problem is not None:
            raise problem
        return cast(T, value)

    def cancel(self, request: Callable[[], T]) -> None:
        """Raises VenueError; OutcomeUnknown where the venue may have done it."""
        self._set_time(self.now_ms(), time.monotonic())
        self._use_window(self._window_ms)
        _, problem = self._attempt(request, self.judge.cancellation, True)
        if problem is not None:
            raise problem

    @property
    def said(self) -> Any:
        """The JSON of the last answer, None if it was none."""
        return self._said

    def load_markets(self, max_age: float = _MARKETS_KEPT) -> None:
        """Where they cannot be learnt again the old ones serve; a minute later it is tried again.

        Raises VenueError while there are none, and NotNow.
        """
        now = time.monotonic()
        if self._markets_at is None:
            self._learn_markets()
        elif now - self._markets_at >= max_age and now - self._tried_at >= _RENEW_SECONDS:
            self._tried_at = now
            try:
                self._learn_markets()
            except NotNow:
                raise
            except VenueError as error:
                logger.warning("%s: its markets are those of before: %s", self.api.name, error)

    def _learn_markets(self) -> None:
        def ask() -> None:
            before = self.api.markets
            self.api.load_markets(True)
            if not self.api.markets:
                if before:
                    self.api.set_markets(before)
                raise BadData("no markets")

        self.ask(ask, signed=False, exact=False)
        self._markets_at = time.monotonic()

    # --- time ---

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def doubt_clock(self) -> None:
        self._dated = None
        self._clock.doubt()

    def _read_clock(self, on_wait: OnWait | None) -> Reading:
        """As the venue tells it; else as it dates its answers, to the second.

        A venue that does neither is taken to be 5 s behind the desk's clock.
        """
        if self.api.has.get("fetchTime") is not True:
            if self._dated is None or time.monotonic() - self._dated.at > _DATED_SECONDS:
                self._learn_markets()
            guess = self._desk.now_ms() - _NO_CLOCK_MARGIN_MS
            return self._dated or Reading(guess, time.monotonic())

        def ask() -> Reading:
            ms = self.api.fetch_time()
            if isinstance(ms, bool) or not isinstance(ms, (int, float)):
                raise BadData("not a time")
            if not _EARLIEST_MS < ms < _LATEST_MS:
                raise BadData("not a time")
            return Reading(int(ms), time.monotonic())

        return self.ask(ask, signed=False, exact=False)

    def _note_date(self) -> None:
        if self.wire.answer is not None:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                at = parsedate_to_datetime(self.wire.answer.headers["Date"])
                self._dated = Reading(int(at.timestamp() * 1000), time.monotonic())

    def _now_or_never(self) -> int:
        """Before an order is sent: without the venue's time it is not."""
        now, problem = 0, None
        try:
            now = self.now_ms()
        except NotNow:
            raise
        except VenueError as error:
            problem = NotNow(error.code, error.message)
        if problem is not None:
            raise problem
        return now

    def _set_time(self, now_ms: int, began: float) -> None:
        self._use_window(max(self._window_ms, _READING_WINDOW_MS))
        if self.traits.timed:
            speed = self._desk.speed
            self.api.milliseconds = lambda: now_ms + int((time.monotonic() - began) * 1000 * speed)

    def _use_window(self, window_ms: int) -> None:
        if self.traits.windowed:
            self.api.options["recvWindow"] = window_ms

    # --- one request ---

    def _attempt(
        self,
        request: Callable[[], T],
        judge: Callable[[Failure], VenueError | None],
        exact: bool,
        before: Callable[[], None] | None = None,
    ) -> tuple[T | None, VenueError | None]:
        """What came, or what to raise.

        It is raised by the caller: nothing that a traceback shows then leads to
        the error that it was made from.
        """
        wire, value, problem = self.wire, None, None
        wire.reset()
        self._said, self._exact = None, False
        self.api.number = float
        wire.before, wire.after = before, self._keep_text if exact else None
        try:
            # ccxt changes the rounding and the traps of the thread's decimals.
            with decimal.localcontext():
                value = request()
        except Exception as error:  # noqa: BLE001 - judged
            answer = wire.answer or Answer()
            problem = judge(Failure(error, wire.sent, answer.status, answer.headers, self._said))
        self._note_date()
        if problem is not None and problem.code == "VENUE_CLOCK":
            self.doubt_clock()
        return value, problem

    def _keep_text(self) -> None:
        """From the answer on, numbers stay the texts they came as."""
        self.api.number, self._exact = str, True

    def _read_json(self, text: str) -> Any:
        if self._exact:
            self._said = json.loads(text, parse_float=str, parse_constant=_refuse_constant)
        else:
            self._said = json.loads(text, parse_constant=_refuse_constant)
        return self._said


def _awake() -> float:
    """Seconds by a count that nobody can set, a machine's sleep included where it is told."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
