"""How log lines are written."""

from __future__ import annotations

import logging

# Everything that ends a line or moves a terminal's cursor, in C0, C1 and Unicode.
_CONTROLS = {code: f"\\x{code:02x}" for code in [*range(0x20), *range(0x7F, 0xA0)] if code != 9}
_CONTROLS |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F))}
_CONTROLS |= {code: f"\\u{code:04x}" for code in range(0x2066, 0x206A)}
_CONTROLS |= {10: "\\n", 13: "\\r"}


class OneLine(logging.Formatter):
    """A message is one line, whatever names it holds: nobody writes lines of his own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(_CONTROLS)
        return super().formatMessage(record)
