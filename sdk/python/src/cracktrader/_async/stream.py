"""Event streams of the asynchronous client, resumed after every disconnection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING

from cracktrader._settings import logger
from cracktrader._stream import (
    CHANNELS,
    MENDED_AT_ONCE,
    AsyncEvents,
    InOrder,
    Reconnecting,
    StreamEvent,
    Ticks,
    event_of,
)
from cracktrader._transport import async_sleep
from cracktrader._waiting import OVER
from cracktrader.errors import APIError, ConnectionLost, RunNotFound, TimedOut

if TYPE_CHECKING:
    from .client import AsyncCrackTraderAPI

BROKEN = (ConnectionLost, TimedOut, APIError)
IDLE_SECONDS = 1.0
FEW = 20
MANY_RUNS = 20
"""A server takes 60 messages at once, and 20 a second."""


async def events(
    api: AsyncCrackTraderAPI,
    run_id: str | None,
    since: int,
    channels: Sequence[str] | None,
    until_over: bool,
) -> AsyncEvents:
    if channels is not None and not set(channels) <= set(CHANNELS):
        raise ValueError(f"channels are of {', '.join(CHANNELS)}")
    if run_id is None and since:
        raise ValueError("since counts one run's events: run_id is missing")
    if run_id is None:
        found = _of_all_runs(api)
    else:
        found = _of_run(api, run_id, InOrder(since), until_over=until_over)
    async with aclosing(found) as stream:
        async for event in stream:
            if channels is None or event.channel in channels:
                yield event


async def _of_run(
    api: AsyncCrackTraderAPI,
    run_id: str,
    order: InOrder,
    *,
    until_over: bool = False,
    until_seq: int | None = None,
) -> AsyncEvents:
    """Every event of a run that `order` has not had yet."""
    again = Reconnecting()
    while True:
        try:
            async with api._link() as link:
                # What comes is taken as it comes: a connection that dies young is of use, too.
                for channel in CHANNELS:
                    since = order.since(channel)
                    await link.request("subscribe", channel=channel, run_id=run_id, since=since)
                looked, told = False, time.monotonic()
                while until_seq is None or order.last < until_seq:
                    message = await link.next(IDLE_SECONDS)
                    heard = event_of(message)
                    quiet = time.monotonic() - told
                    due = []
                    if message is not None:
                        again.succeeded()
                    if heard is not None:
                        told = time.monotonic()
                        due = order.add(heard)
                    elif order.is_torn(quiet):
                        page = await api.get_events(run_id, order.last, limit=MENDED_AT_ONCE)
                        due = order.mend(run_id, page)
                    elif until_over and not looked and quiet >= IDLE_SECONDS:
                        looked = True
                        if await _is_over(api, run_id, order.last):
                            return
                    for event in due:
                        yield event
                        if until_over and event.is_last:
                            return
                return
        except BROKEN as error:
            pause = again.pause(error)
            logger.info("%s; events of run %s go on in %.1f s", error, run_id, pause)
        await async_sleep(pause)


async def _is_over(api: AsyncCrackTraderAPI, run_id: str, last: int) -> bool:
    """Whether a run is over and has nothing to tell after `last`."""
    run = await api.get_run(run_id)
    return run.status in OVER and not len(await api.get_events(run_id, last, limit=1))


async def _of_all_runs(api: AsyncCrackTraderAPI) -> AsyncEvents:
    """Of all runs, from now on.  What happened while there was no connection is read run by run."""
    orders: dict[str, InOrder] = {}
    newest: datetime | None = None
    first = True
    again = Reconnecting()
    while True:
        try:
            async with api._link() as link:
                for channel in CHANNELS:
                    await link.subscribe(channel)
                if first:
                    newest, active = await _standing(api)
                    for run_id, last in (await _positions(api, active)).items():
                        orders[run_id] = InOrder(last)
                    first = False
                else:
                    newest, new = await _new_runs(api, newest)
                    for run_id in new:
                        orders.setdefault(run_id, InOrder(0))
                    open_runs = [run_id for run_id, order in orders.items() if not order.over]
                    for run_id, last in (await _positions(api, open_runs)).items():
                        missed = _of_run(api, run_id, orders[run_id], until_seq=last)
                        async with aclosing(missed) as stream:
                            async for event in stream:
                                yield event
                again.succeeded()
                told = time.monotonic()
                while True:
                    heard = event_of(await link.next(IDLE_SECONDS))
                    due = []
                    if heard is not None:
                        told = time.monotonic()
                        if heard.run_id not in orders:
                            orders[heard.run_id] = await _joined(api, heard)
                        due = orders[heard.run_id].add(heard)
                    else:
                        for run_id, order in orders.items():
                            if order.is_torn(time.monotonic() - told):
                                page = await api.get_events(
                                    run_id, order.last, limit=MENDED_AT_ONCE
                                )
                                due += order.mend(run_id, page)
                    for event in due:
                        yield event
        except BROKEN as error:
            pause = again.pause(error)
            logger.info("%s; events go on in %.1f s", error, pause)
        await async_sleep(pause)


async def _standing(api: AsyncCrackTraderAPI) -> tuple[datetime | None, list[str]]:
    """When the newest run was made, and the active runs."""
    page = await api.list_runs(limit=1)
    active = []
    for status in ("starting", "running", "stopping"):
        async for run in api.iterate_runs(status=status):
            active.append(run.run_id)
    return (page[0].created_at if len(page) else None), active


async def _new_runs(
    api: AsyncCrackTraderAPI, newest: datetime | None
) -> tuple[datetime | None, list[str]]:
    """The same, and the runs made since then."""
    found: list[str] = []
    made = newest
    async for run in api.iterate_runs():
        if newest is not None and run.created_at <= newest:
            break
        made = run.created_at if made is None else max(made, run.created_at)
        found.append(run.run_id)
    return made, found


async def _positions(api: AsyncCrackTraderAPI, run_ids: list[str]) -> dict[str, int]:
    """The seq of the newest event of each run."""
    found = {}
    if run_ids:
        async with api._link() as link:
            for run_id in run_ids:
                try:
                    found[run_id] = await link.subscribe("status", run_id)
                except RunNotFound:
                    continue
                await link.unsubscribe("status", run_id)
                if len(run_ids) > MANY_RUNS:
                    await async_sleep(0.15)
    return found


async def _joined(api: AsyncCrackTraderAPI, event: StreamEvent) -> InOrder:
    """Where a run begins that is heard of for the first time: an active one at its beginning."""
    if event.seq == 1 or (await api.get_run(event.run_id)).status not in OVER:
        return InOrder(0)
    return InOrder(event.seq - 1)


async def ticker(
    api: AsyncCrackTraderAPI, symbol: str | None, run_id: str | None, since: int
) -> AsyncEvents:
    if run_id is None and since:
        raise ValueError("since counts one run's events: run_id is missing")
    ticks = Ticks(since)
    again = Reconnecting()
    while True:
        try:
            async with api._link() as link:
                after = None if run_id is None else ticks.since
                asked = {"channel": "ticker", "run_id": run_id, "symbol": symbol}
                await link.request("subscribe", since=after, **asked)
                again.succeeded()
                looked, told = False, time.monotonic()
                while True:
                    tick = event_of(await link.next(IDLE_SECONDS))
                    if tick is not None and tick.channel == "status":
                        looked = False
                    elif tick is not None:
                        told = time.monotonic()
                        if run_id is None or ticks.is_new(tick):
                            yield tick
                    elif looked or run_id is None:
                        continue
                    elif time.monotonic() - told >= IDLE_SECONDS:
                        # If it goes on, its end will be told.
                        await link.request("subscribe", channel="status", run_id=run_id)
                        looked = (await api.get_run(run_id)).status not in OVER
                        if not looked and await _has_no_more_bars(api, run_id, ticks.last):
                            return
                        told = time.monotonic()
        except BROKEN as error:
            pause = again.pause(error)
            logger.info("%s; the ticker goes on in %.1f s", error, pause)
        await async_sleep(pause)


async def _has_no_more_bars(api: AsyncCrackTraderAPI, run_id: str, last: int) -> bool:
    """Of a run that is over, whether none follows after the event `last`."""
    while True:
        page = await api.get_events(run_id, last, limit=FEW)
        if any(event.kind == "equity" for event in page):
            return False
        if len(page) < FEW:
            return True
        last = page[-1].seq
