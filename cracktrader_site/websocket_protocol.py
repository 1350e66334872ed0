"""uvicorn's WebSocket protocol with an end to its patience.

As it comes it waits for a client to take what was written for as long as the
client likes, also when the connection is to be closed.
"""

from __future__ import annotations

from asyncio import Task
from asyncio.transports import BaseTransport

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

MAX_MESSAGE_BYTES = 65_536
MAX_FRAGMENTS = 256
MAX_UNSENT_BYTES = 1_048_576
GRACE_SECONDS = 5.0
SHUTDOWN_GRACE_SECONDS = 1.0


class Bounded(WebSocketsSansIOProtocol):
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        # Applications find it in the scope's state.
        self.app_state = {**self.app_state, "cut": self.cut}

    def cut(self, code: int, reason: str) -> None:
        """Says so behind all that waits, without waiting; then the connection goes."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self._drop_after(GRACE_SECONDS)

    async def send(self, message: ASGISendEvent) -> None:
        if self.handshake_complete and self.close_sent and self.initial_response is None:
            # The goodbye went out meanwhile, as the answer to the client's: no fault of the sender.
            raise ClientDisconnected
        await super().send(message)
        # A refusal ends the handshake; or its end is logged as an error of ours.
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Pings are answered without asking whether the answers are taken.
        if self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self.frames = []
            self.cut(1009, "too many fragments")
            return
        super().handle_cont(event)

    def on_task_complete(self, task: Task[None]) -> None:
        super().on_task_complete(task)
        self._drop_after(GRACE_SECONDS)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._drop_after(GRACE_SECONDS)

    def shutdown(self) -> None:
        super().shutdown()
        self._drop_after(SHUTDOWN_GRACE_SECONDS)

    def _drop_after(self, seconds: float) -> None:
        self.loop.call_later(seconds, self.transport.abort)
