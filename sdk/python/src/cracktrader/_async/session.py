"""Requests, and their repetition, of the asynchronous client."""

from __future__ import annotations

import time
from typing import TypeVar

import httpx

from cracktrader import _retry
from cracktrader._gate import Gate
from cracktrader._model import Model
from cracktrader._retry import Call, Patience, Policy
from cracktrader._settings import Bearer, Settings, logger
from cracktrader._transport import USER_AGENT, async_sleep, close_with
from cracktrader._values import encode
from cracktrader._waiting import Board
from cracktrader.errors import CrackTraderError, UnexpectedAnswer

M = TypeVar("M", bound=Model)

WORTH_A_WARNING = 5.0
CODED = ("content-encoding", "content-length", "transfer-encoding")
"""Of a body as it was sent."""
POOL_SECONDS = 300.0
"""For a connection, while this client has all it may have in use."""


class AsyncSession:
    def __init__(
        self,
        settings: Settings,
        timeout: float,
        policy: Policy,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.settings, self.timeout, self.policy = settings, timeout, policy
        self.gate = Gate()
        self.board = Board(self.gate)
        self._http = httpx.AsyncClient(
            base_url=settings.api,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0), pool=POOL_SECONDS),
            auth=Bearer(settings),
            transport=transport,
            trust_env=not settings.is_local,
        )
        close_with(self, self._http)

    async def aclose(self) -> None:
        await self._http.aclose()

    def refuse_closed(self) -> None:
        """Raises CrackTraderError after `aclose`."""
        if self._http.is_closed:
            raise CrackTraderError("This client is closed: make another one")

    async def get(self, model: type[M], path: str, params: dict[str, str] | None = None) -> M:
        return await self.call(model, Call("GET", path, params or {}))

    async def call(self, model: type[M], call: Call) -> M:
        """The answer as a model.  Raises CrackTraderError."""
        answer = await self.send(call)
        try:
            return model.from_dict(answer.json())
        except (ValueError, TypeError):
            raise UnexpectedAnswer(
                f"{call.method} {call.path}: the answer is not a Cracktrader server's; "
                "is base_url right?"
            ) from None

    async def send(self, call: Call) -> httpx.Response:
        """The answer, of a request that is repeated as often as it may and need be."""
        patience = Patience(self.policy)
        while True:
            while (pause := self.gate.enter()) > 0:
                refusal = self.gate.refusal()
                if refusal is not None:
                    patience.wait(pause, refusal)
                await async_sleep(pause)
            failure: CrackTraderError
            unsent = False
            answer: httpx.Response | None = None
            try:
                answer = await self._once(call)
            except httpx.RequestError as error:
                failure = _retry.of_transport(error, call)
                if _retry.is_of_tls(error):
                    raise failure from None
                unsent = isinstance(error, _retry.NEVER_SENT)
            else:
                if answer.is_success:
                    return answer
                if answer.status_code < 400:
                    raise UnexpectedAnswer(
                        f"{call.method} {call.path}: redirected; base_url is not the server's own"
                    )
                failure = _retry.of_answer(answer)
            finally:
                self.gate.leave(None if answer is None else answer.headers)
            if _retry.is_rate_limit(failure):
                self.gate.close(failure)
                continue
            pause = patience.pause(call, failure, unsent)
            say = logger.warning if pause >= WORTH_A_WARNING else logger.info
            say("%s; again in %.1f s", failure, pause)
            await async_sleep(pause)

    async def _once(self, call: Call) -> httpx.Response:
        self.refuse_closed()
        headers: dict[str, str] = {}
        content: bytes | None = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = encode(call.body)
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        began = time.monotonic()
        async with self._http.stream(
            call.method, call.path, params=dict(call.params), content=content, headers=headers
        ) as answer:
            parts = []
            async for part in answer.aiter_bytes():
                parts.append(part)
                if time.monotonic() - began > self.timeout:
                    raise httpx.ReadTimeout("the answer takes too long", request=answer.request)
        told = [(name, value) for name, value in answer.headers.multi_items() if name not in CODED]
        return httpx.Response(answer.status_code, headers=told, content=b"".join(parts))
