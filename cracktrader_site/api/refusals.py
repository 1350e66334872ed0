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
    if settings.AUTH and isinstance(error, CracktraderError) and _matters(error):
        try:
            _tell(error, context)
        except DatabaseError:
            logger.exception("a refused attempt could not be recorded")
    return errors.handle(error, context)


def _matters(error: CracktraderError) -> bool:
    if error.code == "PERMISSION_DENIED":
        return "live" in error.details.get("needed", ())
    return error.code == "LIVE_TRADING_DISABLED"


def _tell(error: CracktraderError, context: dict[str, Any]) -> None:
    request = context["request"]
    who = str(getattr(request.auth, "name", "")) or audit.API
    what = (who, error.code, request.path)
    now = time.monotonic()
    if now - _told.get(what, -QUIET_SECONDS) < QUIET_SECONDS:
        return
    if len(_told) > 1000:
        _told.clear()
    _told[what] = now
    audit.record(who, "live.refused", request.path, code=error.code, method=request.method)
