"""How the server ends a connection."""

from __future__ import annotations

CLOSE_CODES: dict[int, str] = {
    1003: "A message was binary; messages are JSON text.",
    1008: "Messages that are not JSON, or too many of them; or a key that is not valid any more.",
    1009: "A message was larger than the server accepts.",
    1011: "The client answered no ping, or the server failed; its log has it.",
    1012: "The server is going down or restarting: connect again.",
    1013: "The client does not take what it is sent: connect again with `since`.",
}


class Closed(Exception):
    """The server ends the connection with `code` (one of CLOSE_CODES) and `reason`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
