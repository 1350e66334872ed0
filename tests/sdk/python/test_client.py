"""Errors by code, what is repeated and when, and that the key is shown to nobody."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import cracktrader
import httpx
import numpy as np
import pandas as pd
import pytest
from cracktrader import AsyncCrackTraderAPI, CrackTraderAPI, errors, models
from cracktrader._gate import Gate
from cracktrader._retry import Policy, backoff
from cracktrader._stream import InOrder, Reconnecting, StreamEvent, Ticks
from cracktrader._waiting import Board

KEY = "ct_0123456789ab_SecretSecretSecretSecret"
START = {"strategy_name": "S", "symbols": "BTC/USDT", "timeframe": "1h", "exchange": "simulated"}
STARTED = {"run_id": "r", "status": "starting", "message": ""}

Answer = httpx.Response | BaseException


class Script:
    """Answers in turn; keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def api(self, **options: Any) -> CrackTraderAPI:
        return CrackTraderAPI(KEY, transport=httpx.MockTransport(self), **options)


def ok(**body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def refusal(status: int, code: str, after: float | None = None) -> httpx.Response:
    headers = {} if after is None else {"Retry-After": str(after)}
    body = {"error": {"code": code, "message": f"because {code}", "details": {"a": 1}}}
    return httpx.Response(status, json=body, headers=headers)


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses are written down, not slept."""
    found: list[float] = []
    monkeypatch.setattr("cracktrader._sync.session.sleep", found.append)
    for module in ("_gate", "_retry"):
        monkeypatch.setattr(f"cracktrader.{module}.now", lambda: time.monotonic() + sum(found))
    return found


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRACKTRADER_API_KEY", "CRACKTRADER_URL"):
        monkeypatch.delenv(name, raising=False)


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "cls", "also"),
    [
        (400, "INVALID_SYMBOL", errors.InvalidSymbol, cracktrader.InvalidRequest),
        (401, "NOT_AUTHENTICATED", errors.NotAuthenticated, cracktrader.Unauthorized),
        (403, "LIVE_TRADING_DISABLED", errors.LiveTradingDisabled, cracktrader.PermissionDenied),
        (404, "RUN_NOT_FOUND", errors.RunNotFound, cracktrader.NotFound),
        (413, "BODY_TOO_LARGE", errors.BodyTooLarge, cracktrader.InvalidRequest),
        (429, "RATE_LIMITED", errors.RateLimited, cracktrader.RateLimited),
        (500, "INTERNAL_ERROR", errors.InternalError, cracktrader.ServerError),
        (400, "CODE_OF_TOMORROW", cracktrader.InvalidRequest, cracktrader.APIError),
        (418, "CODE_OF_TOMORROW", cracktrader.InvalidRequest, cracktrader.APIError),
        (404, "INVALID_SYMBOL", cracktrader.NotFound, cracktrader.APIError),
    ],
)
def test_an_error_is_the_exception_of_its_code_or_of_its_family(
    status: int, code: str, cls: type[Exception], also: type[Exception]
) -> None:
    script = Script(refusal(status, code))
    with script.api(max_retries=0, rate_limit_wait=0) as api, pytest.raises(cls) as caught:
        api.get_status()
    error = caught.value
    assert type(error) is cls
    assert isinstance(error, also)
    assert isinstance(error, cracktrader.CrackTraderError)
    assert (error.status, error.code, error.details) == (status, code, {"a": 1})
    assert str(error) == f"{code}: because {code}"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.details) == (cls, str(error), {"a": 1})


@pytest.mark.parametrize(
    ("answer", "cls"),
    [
        (httpx.Response(502, text="<html>Bad Gateway</html>"), cracktrader.ServerError),
        (httpx.Response(400, json=["no", "envelope"]), cracktrader.InvalidRequest),
        (httpx.Response(200, text="<html>Welcome</html>"), cracktrader.UnexpectedAnswer),
        (httpx.Response(200, json=[1]), cracktrader.UnexpectedAnswer),
        (httpx.Response(301, headers={"Location": "https://a"}), cracktrader.UnexpectedAnswer),
        (httpx.ConnectError("no"), cracktrader.ConnectionLost),
        (httpx.ReadTimeout("no"), cracktrader.TimedOut),
        (httpx.RemoteProtocolError("no"), cracktrader.ConnectionLost),
        (httpx.DecodingError("no"), cracktrader.ConnectionLost),
    ],
)
def test_whatever_comes_is_an_exception_of_this_package(
    answer: Answer, cls: type[Exception]
) -> None:
    with Script(answer).api(max_retries=0) as api, pytest.raises(cls):
        api.get_status()


def test_a_run_that_failed_raises_with_its_code_and_id() -> None:
    failed = {
        "run_id": "r",
        "status": "failed",
        "error": "NO_CANDLES: nothing there",
        "error_details": {"symbol": "BTC/USDT"},
    }
    script = Script(ok(**STARTED), ok(**failed))
    with script.api() as api, pytest.raises(errors.NoCandles) as caught:
        api.run_backtest(**START)
    error = caught.value
    assert isinstance(error, cracktrader.RunFailed)
    assert (error.run_id, error.code, error.message) == ("r", "NO_CANDLES", "nothing there")
    assert error.details == {"symbol": "BTC/USDT"}
    later = failed | {"error": "SOMETHING_NEW: what now"}
    script = Script(ok(**STARTED), ok(**later))
    with script.api() as api, pytest.raises(cracktrader.RunFailed, match="NEW: what now"):
        api.run_backtest(**START)


def test_waiting_ends_with_its_time_and_the_run_goes_on() -> None:
    running = [ok(run_id="r", status="running", progress=0.5) for _ in range(50)]
    with Script(*running).api() as api, pytest.raises(cracktrader.TimedOut, match="goes on"):
        api.wait_for_run("r", timeout=0.1)


def test_an_interrupt_says_that_the_run_goes_on() -> None:
    with Script(KeyboardInterrupt()).api() as api, pytest.raises(KeyboardInterrupt) as caught:
        api.wait_for_run("r")
    assert "goes on" in caught.value.__notes__[0]

    async def cancelled() -> list[str]:
        desk = Sweep(took=60)
        async with AsyncCrackTraderAPI(KEY, transport=httpx.MockTransport(desk)) as api:
            task = asyncio.create_task(api.run_backtest(**START))
            await asyncio.sleep(0.1)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return list(error.__notes__)
        return []

    (note,) = asyncio.run(cancelled())
    assert note.startswith("Run 0 goes on")


# --- repetition ------------------------------------------------------------------------------

PASSING: list[Callable[[], Answer]] = [
    lambda: httpx.ReadError("gone"),
    lambda: httpx.ReadTimeout("slow"),
    lambda: httpx.RemoteProtocolError("torn"),
    lambda: refusal(500, "INTERNAL_ERROR"),
    lambda: httpx.Response(503, text="busy"),
]


@pytest.mark.parametrize("failure", PASSING)
def test_questions_and_named_starts_are_repeated(failure: Callable[[], Answer]) -> None:
    for act in (
        lambda api: api.get_status(),
        lambda api: api.start_backtest(**START),
        lambda api: api.start_live(**START),
        lambda api: api.stop_run("r"),
        lambda api: api.kill_account("a"),
        lambda api: api.cancel_order("o"),
        lambda api: api.check_strategy("S"),
        lambda api: api.place_order("BTC/USDT", "buy", "market", 1, account_id="a"),
        lambda api: api.place_order("BTC/USDT", "buy", "market", 1, client_id="mine"),
        lambda api: api.resolve_discrepancy(1, "ignore"),
    ):
        script = Script(failure(), failure(), ok(**STARTED))
        with script.api() as api:
            act(api)
        assert len(script.asked) == 3
        assert len({request.headers.get("Idempotency-Key") for request in script.asked}) == 1
        assert len({request.content for request in script.asked}) == 1


@pytest.mark.parametrize("failure", PASSING)
def test_what_could_happen_twice_is_not_repeated(failure: Callable[[], Answer]) -> None:
    for act in (
        lambda api: api.stop_run(),
        lambda api: api.reset_runner(),
        lambda api: api.release_account("a", confirm=True),
    ):
        script = Script(failure())
        with script.api() as api, pytest.raises(cracktrader.CrackTraderError):
            act(api)
        assert len(script.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_a_refusal_is_not_asked_for_twice(status: int) -> None:
    script = Script(refusal(status, "INVALID_VALUE"))
    with script.api() as api, pytest.raises(cracktrader.APIError):
        api.start_backtest(**START)
    assert len(script.asked) == 1


def test_each_start_has_a_key_of_its_own_unless_it_is_given_one() -> None:
    script = Script(*(ok(**STARTED) for _ in range(3)))
    with script.api() as api:
        api.start_backtest(**START)
        api.start_backtest(**START)
        api.start_backtest(**START, idempotency_key="mine")
        with pytest.raises(ValueError, match="printable"):
            api.start_backtest(**START, idempotency_key="schlüssel")
    keys = [request.headers["Idempotency-Key"] for request in script.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_retry_after_is_honoured(slept: list[float]) -> None:
    script = Script(refusal(429, "RATE_LIMITED", 17), refusal(503, "X", 2), ok())
    with script.api() as api:
        api.get_status()
    assert 17 <= slept[0] < 17.5
    assert 2 <= slept[1] < 2.5


def test_a_pause_longer_than_all_patience_is_not_waited_for(slept: list[float]) -> None:
    script = Script(refusal(429, "RATE_LIMITED", 600))
    with script.api() as api, pytest.raises(cracktrader.RateLimited) as caught:
        api.get_status()
    assert caught.value.retry_after == pytest.approx(600, abs=1)
    assert slept == []
    script = Script(refusal(429, "RATE_LIMITED", 1))
    with script.api(rate_limit_wait=0) as api:
        for _ in range(2):
            with pytest.raises(cracktrader.RateLimited):
                api.get_status()
    assert len(script.asked) == 1
    assert slept == []


def test_a_limit_is_waited_out_by_every_call_and_counts_as_no_repetition(
    slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for act in (
        lambda api: api.get_status(),
        lambda api: api.start_backtest(**START),
        lambda api: api.reset_runner(),
        lambda api: api.stop_run(),
        lambda api: api.release_account("a", confirm=True),
    ):
        slept.clear()
        script = Script(*(refusal(429, "RATE_LIMITED", 60) for _ in range(4)), ok(**STARTED))
        with script.api(max_retries=0) as api:
            act(api)
        assert len(script.asked) == 5
        assert 240 <= sum(slept) < 245
    slept.clear()
    script = Script(*(refusal(429, "RATE_LIMITED", 60) for _ in range(5)))
    with script.api() as api, pytest.raises(cracktrader.RateLimited):
        api.get_status()
    assert sum(slept) < 300
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 25


def test_the_wait_for_a_started_runs_end_is_bounded_by_its_own_time_only(
    slept: list[float],
) -> None:
    limited = [refusal(429, "RATE_LIMITED", 60) for _ in range(9)]
    script = Script(ok(**STARTED), *limited, ok(run_id="r", status="completed"), ok(run_id="r"))
    with script.api() as api:
        assert api.run_backtest(**START).run_id == "r"
    assert sum(slept) > 540
    slept.clear()
    script = Script(ok(**STARTED), refusal(429, "RATE_LIMITED", 60))
    with script.api() as api, pytest.raises(cracktrader.RateLimited) as caught:
        api.run_backtest(**START, timeout=30)
    assert caught.value.run_id == "r"
    assert pickle.loads(pickle.dumps(caught.value)).run_id == "r"
    assert slept == []


def test_whatever_is_raised_after_the_start_names_the_run() -> None:
    for answers in (
        [refusal(404, "RUN_NOT_FOUND")],
        [ok(run_id="r", status="completed"), refusal(500, "INTERNAL_ERROR")],
        [ok(run_id="r", status="completed"), httpx.ReadTimeout("slow")],
        [ok(run_id="r", status="running")],
    ):
        script = Script(ok(**STARTED), *answers)
        with (
            script.api(max_retries=0) as api,
            pytest.raises(cracktrader.CrackTraderError) as caught,
        ):
            api.run_backtest(**START, timeout=0.06)
        assert caught.value.run_id == "r"


def test_a_closed_client_says_so() -> None:
    script = Script(ok(run_id="r"))
    api = script.api()
    results = api.load_results("r")
    api.close()
    for act in (api.get_status, lambda: results.equity, lambda: next(api.stream_events("r"))):
        with pytest.raises(cracktrader.CrackTraderError, match="client is closed"):
            act()


def test_threads_share_one_gate_and_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """After a 429 nobody asks before its time, and then no more than there is room for."""
    desk = Limited(room=10, seconds=1.0)
    with (
        CrackTraderAPI(KEY, transport=httpx.MockTransport(desk)) as api,
        pytest.MonkeyPatch.context() as patch,
        ThreadPoolExecutor(16) as pool,
    ):
        patch.setattr("cracktrader._sync.session.sleep", time.sleep)
        patch.setattr("cracktrader._gate.now", time.monotonic)
        patch.setattr("cracktrader._retry.now", time.monotonic)
        for answer in [pool.submit(api.start_backtest, **START) for _ in range(30)]:
            assert answer.result().run_id
    assert desk.early == 0
    assert desk.refused <= 16 + 6
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert 2 <= len(warnings) <= 6


class Limited:
    """Lets so many requests pass in so many seconds, the last ones counted."""

    def __init__(self, room: int, seconds: float) -> None:
        self.room, self.seconds = room, seconds
        self.passed: deque[float] = deque()
        self.refused = self.early = 0
        self.opens = 0.0
        self.lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            now = time.monotonic()
            while self.passed and self.passed[0] <= now - self.seconds:
                self.passed.popleft()
            left = self.room - len(self.passed)
            headers = {"X-RateLimit-Limit": str(self.room)}
            if left <= 0:
                self.refused += 1
                after = self.passed[0] + self.seconds - now
                headers |= {"Retry-After": str(after), "X-RateLimit-Remaining": "0"}
                answer = refusal(429, "RATE_LIMITED")
            else:
                self.passed.append(now)
                headers |= {"X-RateLimit-Remaining": str(left - 1)}
                answer = self.answer(request)
        answer.headers.update(headers)
        return answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        return ok(**STARTED)


class Sweep(Limited):
    """Runs that take a while each."""

    def __init__(self, took: float) -> None:
        super().__init__(100, 60.0)
        self.took = took
        self.runs: dict[str, float] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            run_id = str(len(self.runs))
            self.runs[run_id] = time.monotonic() + self.took
            return ok(run_id=run_id, status="starting")
        name = request.url.path.rpartition("/")[2]
        if name == "results":
            return ok(run_id=request.url.params["run_id"], status="completed")
        if name == "runs":
            return ok(runs=[self.run(run_id) for run_id in self.runs])
        return ok(**self.run(name))

    def run(self, run_id: str) -> dict[str, Any]:
        over = self.runs[run_id] <= time.monotonic()
        return {"run_id": run_id, "status": "completed" if over else "running", "progress": 0.5}


def test_a_sweep_of_threads_takes_three_requests_a_run() -> None:
    desk = Sweep(took=0.3)
    with (
        CrackTraderAPI(KEY, transport=httpx.MockTransport(desk)) as api,
        ThreadPoolExecutor(8) as pool,
    ):
        began = time.monotonic()
        found = list(pool.map(lambda _: api.run_backtest(**START).run_id, range(30)))
        took = time.monotonic() - began
    assert sorted(found, key=int) == [str(n) for n in range(30)]
    assert len(desk.passed) <= 90
    assert desk.refused == 0
    assert took < 10


def test_a_sweep_of_tasks_does_as_well() -> None:
    desk = Sweep(took=0.3)

    async def sweep() -> list[str]:
        async with AsyncCrackTraderAPI(KEY, transport=httpx.MockTransport(desk)) as api:
            runs = await asyncio.gather(*(api.run_backtest(**START) for _ in range(30)))
        return [run.run_id for run in runs]

    assert len(set(asyncio.run(sweep()))) == 30
    assert len(desk.passed) <= 70


def test_runs_that_a_list_does_not_have_are_asked_about_one_by_one() -> None:
    class Others(Sweep):
        def answer(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/runs"):
                return ok(runs=[])
            return super().answer(request)

    desk = Others(took=0.2)
    with (
        CrackTraderAPI(KEY, transport=httpx.MockTransport(desk)) as api,
        ThreadPoolExecutor(3) as pool,
    ):
        ids = [str(api.start_backtest(**START).run_id) for _ in range(3)]
        found = list(pool.map(lambda run_id: api.wait_for_run(run_id, timeout=20), ids))
    assert [(run.run_id, run.status) for run in found] == [(i, "completed") for i in ids]


def test_a_single_short_run_is_seen_at_once() -> None:
    desk = Sweep(took=0.1)
    with CrackTraderAPI(KEY, transport=httpx.MockTransport(desk)) as api:
        took = []
        for _ in range(6):
            began = time.monotonic()
            api.run_backtest(**START)
            took.append(time.monotonic() - began)
    # The quickest: a busy machine delays some.
    assert min(took) < 0.3
    assert len(desk.passed) <= 24


def test_a_start_that_is_in_flight_is_waited_for(slept: list[float]) -> None:
    flying = [refusal(400, "IDEMPOTENCY_IN_FLIGHT", 1) for _ in range(9)]
    script = Script(*flying, ok(**STARTED))
    with script.api(max_retries=2) as api:
        assert api.start_backtest(**START).run_id == "r"
    assert all(1 <= pause < 1.5 for pause in slept)
    assert len(slept) == 9
    script = Script(*(refusal(400, "IDEMPOTENCY_IN_FLIGHT", 100) for _ in range(3)))
    with script.api() as api, pytest.raises(errors.IdempotencyInFlight):
        api.start_backtest(**START)
    assert len(script.asked) == 3


def test_repetition_is_bounded_and_its_pauses_grow(slept: list[float]) -> None:
    script = Script(*(httpx.ReadError("gone") for _ in range(6)))
    with script.api() as api, pytest.raises(cracktrader.ConnectionLost):
        api.get_status()
    assert len(script.asked) == 6
    for attempt, pause in enumerate(slept):
        assert 0.125 * 2**attempt <= pause <= 0.25 * 2**attempt
    assert backoff(60) <= 8
    assert Policy().longest_seconds == 90


def test_a_lone_long_run_is_asked_of_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("cracktrader._waiting.now", lambda: now[0])
    board = Board(Gate())
    asked = []
    with board.waiting("r", fresh=True):
        while now[0] < 600:
            if board.turn():
                asked.append(now[0])
                board.tell([])
            now[0] += board.pause()
    assert asked[0] < 0.1
    assert asked[1] < 0.15
    for start in range(0, 540, 10):
        assert sum(start <= when < start + 60 for when in asked) < 45


def test_the_asynchronous_half_repeats_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(seconds: float) -> None:
        pass

    monkeypatch.setattr("cracktrader._async.session.async_sleep", at_once)
    script = Script(httpx.ReadError("gone"), refusal(500, "INTERNAL_ERROR"), ok(**STARTED))

    async def start() -> models.RunResponse:
        transport = httpx.MockTransport(script)
        async with AsyncCrackTraderAPI(KEY, transport=transport) as api:
            return await api.start_backtest(**START)

    assert asyncio.run(start()).run_id == "r"
    assert len({request.headers["Idempotency-Key"] for request in script.asked}) == 1


# --- the key and the address -----------------------------------------------------------------


def test_the_key_is_sent_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = Script(httpx.ReadError("gone"), refusal(401, "NOT_AUTHENTICATED"))
    api = script.api(max_retries=1)
    shown = io.StringIO()
    try:
        api.get_status()
    except cracktrader.Unauthorized as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        print(*trace.format(), repr(error), str(error), vars(error), file=shown)
    assert script.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in str(script.asked[0].url)
    print(repr(api), vars(api), vars(api._session), api._session.settings, file=shown)
    api.close()
    with CrackTraderAPI(KEY, "http://127.0.0.1:9", timeout=0.5, max_retries=0) as away:
        for ask in (away.health, lambda: away._link().__enter__()):
            try:
                ask()
            except cracktrader.ConnectionLost as error:
                trace = traceback.TracebackException.from_exception(error, capture_locals=True)
                print(*trace.format(), repr(error), file=shown)
    assert shown.getvalue().count("ConnectionLost") >= 2
    assert "SecretSecret" not in shown.getvalue() + caplog.text


def test_a_key_that_cannot_be_sent_is_refused_without_being_repeated() -> None:
    for bad in ("ct_Secret key", "ct_Secret\nX-Evil: 1", "ct_Secrét"):
        with pytest.raises(ValueError, match="printable ASCII") as caught:
            CrackTraderAPI(bad)
        assert "ct_" not in str(caught.value)
    with CrackTraderAPI(f"{KEY}\n") as api:
        assert api._session.settings.headers() == {"Authorization": f"Bearer {KEY}"}


def test_an_address_where_the_key_belongs_is_said_to_be_one() -> None:
    with pytest.raises(ValueError, match="base_url"):
        CrackTraderAPI("http://127.0.0.1:9000")


@pytest.mark.parametrize(
    ("given", "root"),
    [
        (None, "http://127.0.0.1:8000"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("https://desk.example/api/v1", "https://desk.example"),
        ("https://desk.example/trade/api/v1/", "https://desk.example/trade"),
    ],
)
def test_the_address_works_with_and_without_the_api_path(given: str | None, root: str) -> None:
    script = Script(ok())
    with script.api(base_url=given) as api:
        api.health()
        settings = api._session.settings
    assert str(script.asked[0].url) == f"{root}/api/v1/health"
    assert settings.websocket == root.replace("http", "ws", 1) + "/ws"
    assert repr(api) == f"CrackTraderAPI('{root}')"


@pytest.mark.parametrize(
    "bad", ["desk.example", "ftp://a", "http://", "http://u:p@a", "http://a?b"]
)
def test_an_address_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        CrackTraderAPI(base_url=bad)


def test_the_environment_is_asked_after_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRACKTRADER_API_KEY", "ct_of_the_environment")
    monkeypatch.setenv("CRACKTRADER_URL", "http://10.0.0.1:1")
    with CrackTraderAPI() as api:
        assert api._session.settings.root == "http://10.0.0.1:1"
        assert api._session.settings.headers()["Authorization"] == "Bearer ct_of_the_environment"
    with CrackTraderAPI("ct_given", "http://10.0.0.2") as api:
        assert api._session.settings.root == "http://10.0.0.2"
        assert api._session.settings.headers()["Authorization"] == "Bearer ct_given"


# --- values ----------------------------------------------------------------------------------


def test_what_is_sent_is_plain_json() -> None:
    script = Script(*(ok(**STARTED) for _ in range(4)))
    with script.api() as api:
        api.start_backtest(
            **START,
            start_date=date(2024, 1, 1),
            end_date=datetime(2024, 2, 1, 12, tzinfo=UTC),
            strategy_params={"period": np.int64(20), "threshold": np.float64(0.5)},
        )
        api.place_order("BTC/USDT", "buy", "limit", Decimal("0.10"), price="1.5", account_id="a")
        api.list_discrepancies(open=False)
        for bad, named in (
            ({"fee": float("nan")}, "fee is nan"),
            ({"initial_cash": np.float32("inf")}, "initial_cash is inf"),
            ({"strategy_params": {"period": float("nan")}}, r"strategy_params\['period'\]"),
            ({"end_date": pd.NaT}, "end_date is not a time"),
            ({"timeframe": None}, "timeframe is None"),
            ({"symbols": None}, "symbols is None"),
        ):
            with pytest.raises(ValueError, match=named):
                api.start_backtest(**START | bad)
        with pytest.raises(ValueError, match="run_id is None"):
            api.get_run(None)  # type: ignore[arg-type]
    body = json.loads(script.asked[0].content)
    assert body["symbols"] == ["BTC/USDT"]
    assert body["start_date"] == "2024-01-01T00:00:00Z"
    assert body["end_date"] == "2024-02-01T12:00:00+00:00"
    assert body["strategy_params"] == {"period": 20, "threshold": 0.5}
    assert "initial_cash" not in body
    assert json.loads(script.asked[1].content)["amount"] == "0.10"
    assert script.asked[2].url.params["open"] == "false"


def test_names_are_one_part_of_a_path() -> None:
    script = Script(ok(), ok())
    with script.api() as api:
        api.get_strategy("../accounts/x?y#z")
        api.get_run("a/b")
    assert script.asked[0].url.raw_path == b"/api/v1/strategies/..%2Faccounts%2Fx%3Fy%23z"
    assert script.asked[1].url.raw_path == b"/api/v1/runs/a%2Fb"


def test_answers_of_a_newer_server_are_understood() -> None:
    body = {
        "run_id": "r",
        "status": "hibernating",
        "mode": "dream",
        "start_time": "tomorrow",
        "mood": {"good": True},
    }
    with Script(ok(**body)).api() as api:
        found = api.get_status()
    assert (found.status, found.mode, found.start_time) == ("hibernating", "dream", "tomorrow")
    assert found.value is None
    assert found.raw["mood"] == {"good": True}
    assert found.to_dict() == body
    assert "mood" not in repr(found)


def test_long_answers_are_short_to_look_at() -> None:
    many = [{"trade_id": n, "symbol": "BTC/USDT"} for n in range(5_000)]
    page = models.TradesPage.from_dict({"trades": many, "total": 5_000, "next_cursor": None})
    assert repr(page) == "TradesPage(trades=<5000 of TradeSchema>, total=5000, next_cursor=None)"
    assert repr(page[0]).startswith("TradeSchema(trade_id=0, symbol='BTC/USDT'")


def test_a_wrong_address_is_hinted_at() -> None:
    elsewhere = httpx.Response(404, text="<html>Not Found</html>")
    with Script(elsewhere).api() as api, pytest.raises(cracktrader.NotFound, match="base_url"):
        api.get_status()
    tls = httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
    script = Script(tls)
    with script.api() as api, pytest.raises(cracktrader.ConnectionLost, match="base_url"):
        api.get_status()
    assert len(script.asked) == 1


def test_where_nobody_answers_it_is_said_where_that_is() -> None:
    nobody = Script(httpx.ConnectError("[Errno 111] Connection refused"))
    with nobody.api(base_url="http://127.0.0.1:8009", max_retries=0) as api:  # noqa: SIM117
        with pytest.raises(cracktrader.ConnectionLost, match=r"run at http://127\.0\.0\.1:8009"):
            api.get_status()


def test_an_answer_that_dribbles_is_given_up() -> None:
    class Dribble(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                time.sleep(0.05)
                yield b" "

    script = Script(httpx.Response(200, stream=Dribble()))
    began = time.monotonic()
    with script.api(timeout=0.3, max_retries=0) as api, pytest.raises(cracktrader.TimedOut):
        api.get_status()
    assert time.monotonic() - began < 1


def test_an_orders_client_id_is_its_key() -> None:
    script = Script(*(ok() for _ in range(2)))
    with script.api() as api:
        order: dict[str, Any] = {"account_id": "a", "client_id": "mine"}
        api.place_order("BTC/USDT", "buy", "market", 1, **order)
        api.place_order("BTC/USDT", "buy", "market", 1, **order, idempotency_key="other")
    assert [r.headers["Idempotency-Key"] for r in script.asked] == ["mine", "other"]
    assert [json.loads(r.content)["client_id"] for r in script.asked] == ["mine", "mine"]


def test_models_are_typed_and_frozen() -> None:
    page = models.TradesPage.from_dict(
        {
            "trades": [{"trade_id": 1, "entry_time": "2024-01-01T00:00:00Z", "return": 0.5}],
            "total": 1,
            "next_cursor": None,
        }
    )
    (trade,) = page
    assert (len(page), page[0]) == (1, trade)
    assert trade.entry_time == datetime(2024, 1, 1, tzinfo=UTC)
    assert trade.return_ == 0.5
    with pytest.raises(AttributeError):
        trade.symbol = "ETH/USDT"  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(page))
    assert again == page
    assert again.raw == page.raw


# --- order of events -------------------------------------------------------------------------


def happened(seq: int, channel: str = "orders", **data: Any) -> StreamEvent:
    found = {"channel": channel, "run_id": "r", "seq": seq, "data": data}
    return StreamEvent.from_dict(found)


def test_events_that_come_anyhow_leave_in_order_each_once() -> None:
    order = InOrder(2)
    assert order.add(happened(2)) == []
    assert order.add(happened(5, "equity")) == []
    assert order.add(happened(4, "logs", event="run.prepared")) == []
    assert [e.seq for e in order.add(happened(3))] == [3]
    assert [e.seq for e in order.add(happened(4, "status", event="run.prepared"))] == [4, 5]
    assert order.add(happened(5, "equity")) == []
    assert (order.last, order.since("orders"), order.since("logs")) == (5, 5, 5)
    order.add(happened(9, "equity"))
    assert (order.since("equity"), order.since("orders")) == (9, 5)


def test_what_no_channel_tells_is_taken_from_the_record() -> None:
    order = InOrder(0)
    order.add(happened(3, "equity"))
    assert not order.is_torn(quiet=1)
    assert order.is_torn(quiet=6)
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    record = [
        models.EventSchema(seq=seq, kind=kind, data={"a": 1}, created_at=moment)
        for seq, kind in ((1, "novelty.seen"), (2, "run.completed"))
    ]
    found = order.mend("r", record)
    assert [(e.seq, e.channel) for e in found] == [(1, "logs"), (2, "status"), (3, "equity")]
    assert found[0].data == {"event": "novelty.seen", "details": {"a": 1}}
    assert found[1].is_last
    assert order.over
    assert not order.is_torn(quiet=60)


def test_ticks_of_one_event_are_taken_as_one() -> None:
    def tick(seq: int, symbol: str) -> StreamEvent:
        found = {"channel": "ticker", "run_id": "r", "seq": seq, "data": {}, "symbol": symbol}
        return StreamEvent.from_dict(found)

    ticks = Ticks(4)
    assert ticks.since == 4
    assert not ticks.is_new(tick(4, "A"))
    assert ticks.is_new(tick(5, "A"))
    assert ticks.since == 4
    assert not ticks.is_new(tick(5, "A"))
    assert ticks.is_new(tick(5, "B"))
    assert ticks.is_new(tick(6, "A"))
    assert not ticks.is_new(tick(5, "B"))


def test_a_stream_is_given_up_when_it_is_refused_or_has_failed_for_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(cracktrader.Unauthorized):
        Reconnecting().pause(cracktrader.Unauthorized(401, "NOT_AUTHENTICATED", "no"))
    again = Reconnecting()
    assert again.pause(cracktrader.RateLimited(429, "RATE_LIMITED", "no", {}, 30)) >= 30
    lost = cracktrader.ConnectionLost("gone")
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    again = Reconnecting()
    found = [again.pause(lost) for _ in range(20)]
    assert found[0] <= 0.1
    assert max(found) <= 10
    now[0] += 301
    with pytest.raises(cracktrader.ConnectionLost):
        again.pause(lost)
