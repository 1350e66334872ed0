"""Threads that work for an event loop.

`loop.run_in_executor` makes two futures, a lock and a condition for each call, which
takes longer than many an answer; here a call is a tuple in a queue.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
_Job = tuple[
    asyncio.AbstractEventLoop, asyncio.Future[Any], Context, Callable[..., Any], tuple[Any, ...]
]
_Jobs = SimpleQueue[_Job | None]


class Pool:
    """So many threads, which take calls in the order they come.

    They start with the first call, for a server may fork before it, and end with
    the pool or the process, whichever is first.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads, self._name = threads, name
        self._jobs: _Jobs = SimpleQueue()
        self._lock = threading.Lock()
        self._started = False

    def run(self, call: Callable[..., Result], *args: Any) -> asyncio.Future[Result]:
        """What `call` returns or raises, in the context of whoever asks; for the running loop.

        A call that nobody awaits any more when its turn comes is not made.
        """
        if not self._started:
            self._start()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((loop, answer, copy_context(), call, args))
        return answer

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            for number in range(self._threads):
                name = f"{self._name}_{number}"
                threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True).start()
            weakref.finalize(self, _end, self._jobs, self._threads).atexit = False
            self._started = True


def _work(jobs: _Jobs) -> None:
    while (job := jobs.get()) is not None:
        _do(*job)
        # Not kept until the next one.
        del job


def _do(
    loop: asyncio.AbstractEventLoop,
    answer: asyncio.Future[Any],
    context: Context,
    call: Callable[..., Any],
    args: tuple[Any, ...],
) -> None:
    if answer.cancelled():
        return
    result, error = None, None
    try:
        result = context.run(call, *args)
    except BaseException as fault:  # noqa: BLE001 - it is whoever asked that is told
        error = fault
    # The loop may have ended meanwhile.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_settle, answer, result, error)


def _settle(answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if answer.cancelled():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


def _end(jobs: _Jobs, threads: int) -> None:
    for _ in range(threads):
        jobs.put(None)
