"""Refused attempts at what costs money: answered as any other, and told to the audit trail."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from rest_framework.response import Response

from exchanges.domain import CracktraderError

from . import audit, errors

logger = logging.getLogger(__name__)

QUIET_SECONDS = 60.0
"""A caller who keeps trying is told of once in so long, by each process."""
_told: dict[tuple[str, str, str], float] = {}


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """The API's exception handler."""
    request = context["request"]
    note(error, str(getattr(request.auth, "name", "")), request.path, request.method)
    return errors.handle(error, context)


def note(error: Exception, who: str, path: str, method: str | None) -> None:
    """Tells the audit trail of an attempt at what costs money that was refused so."""
    if settings.AUTH and isinstance(error, CracktraderError) and _matters(error):
        try:
            _tell(error, who or audit.API, path, method)
        except DatabaseError:
            logger.exception("a refused attempt could not be recorded")


def _matters(error: CracktraderError) -> bool:
    if error.code == "PERMISSION_DENIED":
        return "live" in error.details.get("needed", ())
    return error.code == "LIVE_TRADING_DISABLED"


def _tell(error: CracktraderError, who: str, path: str, method: str | None) -> None:
    what = (who, error.code, path)
    now = time.monotonic()
    if now - _told.get(what, -QUIET_SECONDS) < QUIET_SECONDS:
        return
    if len(_told) > 1000:
        _told.clear()
    _told[what] = now
    audit.record(who, "live.refused", path, code=error.code, method=method)
