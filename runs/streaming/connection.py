"""One client: reads what it asks for, tells it what happens.

Three tasks a connection: one reads requests, one sends what waits in the
outbox, one catches up from the database for cursors that are behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from django.conf import settings
from django.db import Error
from starlette.websockets import WebSocket, WebSocketDisconnect

from exchanges.domain import CracktraderError, InvalidInput
from runs.channels import UPDATES, Happening, moment, status_update

from . import reads, requests
from .closing import Closed
from .outbox import Outbox
from .subscriptions import Cursor, Key, Subscription, Subscriptions
from .traffic import TRAFFIC

logger = logging.getLogger(__name__)

MESSAGES_PER_SECOND = 20.0
BURST = 60.0
_SENT_TOGETHER = 64
_LAST_WORDS_SECONDS = 1.0
_RETRY_SECONDS = 0.5


class Dialect(Protocol):
    """How the API reads JSON and words its errors."""

    def loads(self, text: bytes) -> Any:
        """Raises InvalidInput; INVALID_JSON where it is none."""

    def error(self, error: Exception) -> dict[str, Any]:
        """The envelope."""


class Connection:
    def __init__(
        self,
        websocket: WebSocket,
        dialect: Dialect,
        owner: str,
        is_welcome: Callable[[str], bool] | None = None,
    ) -> None:
        """`is_welcome`: whether `owner` may still be told things; asked at each heartbeat."""
        self.owner = owner
        self._websocket, self._dialect, self._is_welcome = websocket, dialect, is_welcome
        self._subscriptions = Subscriptions()
        self._outbox = Outbox()
        self._someone_behind = asyncio.Event()
        self._allowance, self._asked_at = BURST, time.monotonic()

    # --- what happens -------------------------------------------------------------------

    def offer(self, event: Happening) -> None:
        """A live Event.  Never blocks: whom it cannot be told now reads it from the database."""
        if self.owner and event.owner != self.owner:
            return
        for subscription in self._subscriptions:
            cursor = subscription.cursor(event)
            if cursor is None:
                continue
            if cursor.offer(event.seq, self._outbox.has_room):
                self._tell(subscription, event)
                subscription.forget(event)
            elif cursor.behind:
                self._someone_behind.set()

    def _tell(self, subscription: Subscription, event: Happening) -> None:
        for message in self._subscriptions.messages(subscription, event):
            self._outbox.put(message.text)

    async def follow_status(self) -> None:
        """The current run's status, then every change of the caller's runs."""
        run = await self._read(reads.current, self.owner)
        now = moment(datetime.now(UTC))
        found = (run.status, run.run_id) if run else ("idle", None)
        self._send(status_update(*found, now))
        # What was committed since that was read comes first of all.
        cursor = Cursor(run.run, run.last_seq, behind=True) if run else None
        self._subscriptions.add(Subscription(Key(UPDATES), cursor))
        self._someone_behind.set()

    # --- the connection -----------------------------------------------------------------

    async def run(self) -> None:
        """Until either side ends it."""
        tasks = [
            asyncio.create_task(work()) for work in (self._receive, self._deliver, self._catch_up)
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for error in filter(None, (task.exception() for task in done)):
            if isinstance(error, WebSocketDisconnect):
                return
            if isinstance(error, Closed):
                await self._close(error)
            else:
                logger.error("a WebSocket connection failed", exc_info=error)
                await self._close(Closed(1011, "a fault of the server"))
            return

    async def _close(self, closed: Closed) -> None:
        """With what the client has not been told yet, if it takes it."""
        state = self._websocket.scope.get("state", {})
        cut: Callable[[int, str], None] | None = state.get("cut")
        try:
            async with asyncio.timeout(0 if closed.code == 1013 else _LAST_WORDS_SECONDS):
                while (text := self._outbox.take()) is not None:
                    await self._websocket.send_text(text)
                await self._websocket.close(closed.code, closed.reason)
        except TimeoutError:
            if cut is not None:
                cut(closed.code, closed.reason)
        except WebSocketDisconnect:
            pass

    async def _deliver(self) -> None:
        heartbeat = settings.WS_HEARTBEAT_SECONDS
        next_beat = time.monotonic() + heartbeat
        while True:
            await self._outbox.filled(max(next_beat - time.monotonic(), 0.0))
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + heartbeat
                await self._see_that_it_is_welcome()
                self._send({"type": "heartbeat", "timestamp": moment(datetime.now(UTC))})
            try:
                async with asyncio.timeout(settings.WS_STALL_SECONDS):
                    for _ in range(_SENT_TOGETHER):
                        if (text := self._outbox.take()) is None:
                            break
                        await self._websocket.send_text(text)
                        TRAFFIC.messages += 1
            except TimeoutError:
                raise Closed(1013, "too slow: what was sent is not taken") from None
            # Sending into a buffer that has room gives nobody else a turn.
            await asyncio.sleep(0)

    async def _see_that_it_is_welcome(self) -> None:
        if self._is_welcome is None:
            return
        try:
            welcome = await reads.aside(self._is_welcome, self.owner)
        except Error:
            # The next heartbeat will tell; without a database nothing is told anyway.
            return
        if not welcome:
            raise Closed(1008, "the key or session is not valid any more")

    async def _catch_up(self) -> None:
        while True:
            await self._someone_behind.wait()
            self._someone_behind.clear()
            for subscription in self._subscriptions:
                for cursor in list(subscription.cursors.values()):
                    if cursor.behind and subscription in self._subscriptions:
                        await self._read_on(subscription, cursor)

    async def _read_on(self, subscription: Subscription, cursor: Cursor) -> None:
        """A page; where more is missing it is this cursor's turn again."""
        await self._outbox.room()
        try:
            page = await reads.aside(
                reads.page, cursor.run, cursor.position, subscription.key.channel
            )
        except Error:
            # The tailer says so in the log.
            self._someone_behind.set()
            await asyncio.sleep(_RETRY_SECONDS)
            return
        if page is None:
            cursor.caught_up(cursor.target, complete=True)
            return
        for event in page.events:
            await self._outbox.room()
            if subscription not in self._subscriptions:
                return
            self._tell(subscription, event)
            cursor.told(event.seq)
        # From here to the return nothing else runs: live Events take over without a seam.
        cursor.caught_up(page.through, page.complete)
        if cursor.behind:
            self._someone_behind.set()
        elif page.events:
            subscription.forget(page.events[-1])

    # --- what the client asks for -------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code") or 1005)
            text = received.get("text")
            if text is None:
                raise Closed(1003, "messages are JSON text")
            self._allow_one_more()
            await self._outbox.room()
            await self._answer(text.encode())

    def _allow_one_more(self) -> None:
        now = time.monotonic()
        refilled = self._allowance + (now - self._asked_at) * MESSAGES_PER_SECOND
        self._allowance, self._asked_at = min(BURST, refilled) - 1, now
        if self._allowance < 0:
            raise Closed(1008, f"more than {MESSAGES_PER_SECOND:.0f} messages a second")

    async def _answer(self, text: bytes) -> None:
        message: Any = None
        try:
            message = self._dialect.loads(text)
            request = requests.parse(message)
            if request.action == "ping":
                answer = {"type": "pong", "timestamp": moment(datetime.now(UTC))}
            else:
                key = Key(request.channel, request.run_id, request.symbol)
                if request.action == "subscribe":
                    answer = await self._subscribe(key, request.since)
                else:
                    answer = await self._unsubscribe(key)
        except (CracktraderError, Error) as error:
            self._send(self._dialect.error(error), requests.request_id(message))
            if isinstance(error, CracktraderError) and error.code == "INVALID_JSON":
                raise Closed(1008, "messages are JSON") from None
            return
        self._send(answer, requests.request_id(message))
        self._someone_behind.set()

    async def _subscribe(self, key: Key, since: int | None) -> dict[str, Any]:
        """The answer; what it promises begins when the caller has sent it."""
        if key.run_id is None:
            if self._subscriptions.get(key) is None:
                self._subscriptions.check_room()
                self._subscriptions.add(Subscription(key))
            return {"type": "subscribed", **key._asdict(), "seq": None}
        run = await self._read(reads.find, key.run_id, self.owner)
        key = key._replace(run_id=run.run_id)
        if key.symbol is not None and key.symbol not in run.symbols:
            raise InvalidInput(
                "INVALID_SYMBOL",
                f"The run does not trade {key.symbol}",
                supported_symbols=run.symbols,
            )
        held = self._subscriptions.get(key)
        if held is None:
            if since is not None and since > run.last_seq:
                raise InvalidInput(
                    "INVALID_VALUE",
                    f"The run's last event is {run.last_seq}",
                    field="since",
                    maximum=run.last_seq,
                )
            self._subscriptions.check_room()
            start = run.last_seq if since is None else since
            held = Subscription(key, Cursor(run.run, start, behind=True))
            self._subscriptions.add(held)
        return {"type": "subscribed", **key._asdict(), "seq": held.cursors[run.run].position}

    async def _unsubscribe(self, key: Key) -> dict[str, Any]:
        if key.run_id is not None:
            run = await self._read(reads.find, key.run_id, self.owner)
            key = key._replace(run_id=run.run_id)
        self._subscriptions.remove(key)
        return {"type": "unsubscribed", **key._asdict()}

    async def _read(self, read: Callable[..., Any], *args: Any) -> Any:
        try:
            return await reads.aside(read, *args)
        except Error:
            await asyncio.sleep(_RETRY_SECONDS)
            return await reads.aside(read, *args)

    def _send(self, body: Mapping[str, Any], id: str | int | None = None) -> None:
        named = body if id is None else {**body, "id": id}
        self._outbox.put(orjson.dumps(named).decode())
