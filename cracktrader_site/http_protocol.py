"""uvicorn's HTTP protocol with an end to its patience.

As it comes it waits for ever for the rest of a request's head, and, when a
connection is to be closed, for a client to take what was written.
"""

from __future__ import annotations

from asyncio import TimerHandle
from asyncio.transports import BaseTransport

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
LAST_BYTES_SECONDS = 20.0


class Bounded(H11Protocol):
    _head_timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        # Applications find it in the scope's state.
        self.app_state = {**self.app_state, "abort": self.transport.abort}
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        else:
            self._forget_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._drop_if_untaken()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._drop_if_untaken()

    def _drop_if_untaken(self) -> None:
        """A connection that closes waits no longer than others for its last bytes to be taken."""
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self.loop.call_later(LAST_BYTES_SECONDS, self.transport.abort)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
