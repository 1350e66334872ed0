"""Requests, and their repetition, of the asynchronous client."""

from __future__ import annotations

import time
from typing import TypeVar

import httpx

from cracktrader import _retry
from cracktrader._model import Model
from cracktrader._retry import Call, Policy
from cracktrader._settings import Bearer, Settings, logger
from cracktrader._transport import USER_AGENT, async_sleep, close_with
from cracktrader._values import encode
from cracktrader.errors import CrackTraderError, UnexpectedAnswer

M = TypeVar("M", bound=Model)

WORTH_A_WARNING = 5.0


class AsyncSession:
    def __init__(
        self,
        settings: Settings,
        timeout: float,
        policy: Policy,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.settings, self.timeout, self.policy = settings, timeout, policy
        self._http = httpx.AsyncClient(
            base_url=settings.api,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            auth=Bearer(settings),
            transport=transport,
            trust_env=not settings.is_local,
        )
        close_with(self, self._http)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def get(self, model: type[M], path: str, params: dict[str, str] | None = None) -> M:
        return await self.call(model, Call("GET", path, params or {}))

    async def call(self, model: type[M], call: Call) -> M:
        """The answer as a model.  Raises CrackTraderError."""
        answer = await self.send(call)
        try:
            return model.from_dict(answer.json())
        except (ValueError, TypeError):
            raise UnexpectedAnswer(
                f"{call.method} {call.path}: the answer is not a Cracktrader server's"
            ) from None

    async def send(self, call: Call) -> httpx.Response:
        """The answer, of a request that is repeated as often as it may and need be."""
        deadline = time.monotonic() + self.policy.longest_seconds
        attempt = 0
        while True:
            failure: CrackTraderError
            unsent = False
            try:
                answer = await self._once(call)
            except httpx.RequestError as error:
                failure = _retry.of_transport(error, call)
                unsent = isinstance(error, _retry.NEVER_SENT)
            else:
                if answer.is_success:
                    return answer
                if answer.status_code < 400:
                    raise UnexpectedAnswer(
                        f"{call.method} {call.path}: redirected; base_url is not the server's own"
                    )
                failure = _retry.of_answer(answer)
            pause = self.policy.pause(call, failure, unsent, attempt)
            if pause is None or time.monotonic() + pause > deadline:
                raise failure
            say = logger.warning if pause >= WORTH_A_WARNING else logger.info
            say("%s; again in %.1f s", failure, pause)
            await async_sleep(pause)
            attempt += 1

    async def _once(self, call: Call) -> httpx.Response:
        headers: dict[str, str] = {}
        content: bytes | None = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = encode(call.body)
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        return await self._http.request(
            call.method, call.path, params=dict(call.params), content=content, headers=headers
        )
