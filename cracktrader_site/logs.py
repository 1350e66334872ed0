"""How log lines are written: for people, or as JSON for what collects them."""

from __future__ import annotations

import logging
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

from exchanges.processes import HOST

from . import request_ids

# Everything that ends a line or moves a terminal's cursor, in C0, C1 and Unicode.
_CONTROLS = {code: f"\\x{code:02x}" for code in [*range(0x20), *range(0x7F, 0xA0)] if code != 9}
_CONTROLS |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F))}
_CONTROLS |= {code: f"\\u{code:04x}" for code in range(0x2066, 0x206A)}
_CONTROLS |= {10: "\\n", 13: "\\r"}
_NAMED = re.compile(r"\b(run|sweep) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")


class OneLine(logging.Formatter):
    """A message is one line, whatever names it holds: nobody writes lines of his own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(_CONTROLS)
        return super().formatMessage(record)


class Json(OrjsonFormatter):
    """One object a line: time, level, logger, machine, part, pid, message, and where there are
    such run_id, sweep_id, request_id, exception, and the counts and seconds of a sweep.

    Nothing else that a record carries: Django's hold requests and the values of queries.
    `facts` are our own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._part = part(sys.argv)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        at = datetime.fromtimestamp(record.created, UTC)
        log_data |= {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "machine": HOST,
            "part": os.environ.get("CRACKTRADER_CLUSTER") or self._part,
            "pid": record.process,
            "message": record.getMessage(),
        }
        for kind, public_id in _NAMED.findall(log_data["message"]):
            log_data.setdefault(f"{kind}_id", public_id)
        if record.name.startswith("runs."):
            log_data |= getattr(record, "facts", {})
        if request := request_ids.current():
            log_data["request_id"] = request
        if exception := message_dict.get("exc_info"):
            log_data["exception"] = exception


def part(argv: list[str]) -> str:
    """Which part of the desk a command line starts: `web`, `jobs`, …; else the command."""
    words = argv[1:]
    if "--only" in words[:-1]:
        return words[words.index("--only") + 1]
    if words[:1] == ["work"]:
        return "".join(words[1:2])
    parts = {"tick": "ticker"}
    command = next((word for word in words if not word.startswith("-")), "")
    return parts.get(command, command) or Path(argv[0]).name
