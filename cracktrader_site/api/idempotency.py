"""Replies that are kept under a caller's Idempotency-Key, so that asking again does nothing.

The ledger tells a repetition from a request that is still being answered.
That no run and no order is made twice does not hang on it: their own rows are
unique by the same key, which holds beyond the ledger's time and through any
crash between a deed and its reply.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import Error, IntegrityError, transaction
from django.db.models import F
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.response import Response

from exchanges.domain import InvalidInput

from .models import KeptReply
from .renderers import OrjsonRenderer

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=24)
# Of a request whose process died.  One that is answered later than this can be
# entered a second time: then the run's or the order's own key makes it one.
IN_FLIGHT = timedelta(seconds=20)
_ASK_AGAIN_SECONDS = 1
# Two at once are usually one click twice: the second has the first one's reply.
_WAIT_SECONDS, _LOOK_SECONDS = 0.5, 0.02
_PRUNE_SECONDS = 600.0

REPLAYED = "Idempotent-Replayed"


@sensitive_variables()
def once(request: Request, key: str, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """`answer()`, or the reply that the caller's request under this key had.

    Errors are not kept: what was refused is looked at anew.  Raises
    IDEMPOTENCY_MISMATCH where the key came with another request, and
    IDEMPOTENCY_IN_FLIGHT while the first one is being answered.
    """
    asked = _fingerprint(request)
    kept = _claim(_caller(request), key, asked)
    if kept.reply:
        return HttpResponse(kept.reply, content_type="application/json", headers={REPLAYED: "true"})
    mine = KeptReply.objects.filter(pk=kept.pk, attempt=kept.attempt, reply="")
    try:
        response = answer()
    except BaseException:
        _quietly(mine.delete)
        raise
    if isinstance(response, Response) and response.status_code < 300:
        reply = OrjsonRenderer().render(response.data).decode()
        # What was done is done, and its reply is sent even if it cannot be kept.
        _quietly(lambda: mine.update(reply=reply))
    else:
        _quietly(mine.delete)
    return response


def _caller(request: Request) -> str:
    return str(getattr(request.auth, "counted_as", ""))


@sensitive_variables()
def _fingerprint(request: Request) -> str:
    """Of path and body, however its numbers are written.

    Keyed, because a body may hold a venue's secret.
    """
    body = json.dumps(_plain(request.data), sort_keys=True).encode()
    said = b"\n".join((str(request.method).encode(), request.get_full_path().encode(), body))
    return hmac.new(settings.SECRET_KEY.encode(), said, hashlib.sha256).hexdigest()


def _plain(value: Any) -> Any:
    """With 1000.0 and 1e3 as 1000.  The parser bounds depth and size."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _claim(caller: str, key: str, asked: str) -> KeptReply:
    """The kept reply, or a row without one that is the caller's to fill."""
    _prune()
    patience = time.monotonic() + _WAIT_SECONDS
    while True:
        now = timezone.now()
        kept = KeptReply.objects.filter(caller=caller, key=key).first()
        if kept is None:
            try:
                with transaction.atomic():
                    return KeptReply.objects.create(caller=caller, key=key, asked=asked)
            except IntegrityError:
                continue
        if kept.created_at <= now - KEPT_FOR:
            KeptReply.objects.filter(pk=kept.pk, attempt=kept.attempt).delete()
            continue
        if kept.asked != asked:
            raise InvalidInput(
                "IDEMPOTENCY_MISMATCH",
                "This Idempotency-Key came with another request before",
                **_made(kept.reply),
            )
        if kept.reply:
            return kept
        if kept.claimed_at > now - IN_FLIGHT:
            if time.monotonic() < patience:
                time.sleep(_LOOK_SECONDS)
                continue
            raise InvalidInput(
                "IDEMPOTENCY_IN_FLIGHT",
                "The first request under this Idempotency-Key is being answered still",
                retry_after_seconds=_ASK_AGAIN_SECONDS,
            )
        abandoned = KeptReply.objects.filter(pk=kept.pk, attempt=kept.attempt, reply="")
        if abandoned.update(attempt=F("attempt") + 1, claimed_at=now):
            kept.attempt += 1
            return kept


def _made(reply: str) -> dict[str, str]:
    """What the first request made, to be named in an error."""
    told = orjson.loads(reply or "{}")
    if "client_order_id" in told:
        return {"order_id": told["client_order_id"]}
    return {name: told[name] for name in ("run_id", "sweep_id") if name in told}


def _quietly(write: Callable[[], Any]) -> None:
    try:
        write()
    except Error:
        logger.warning("The reply under an Idempotency-Key could not be kept", exc_info=True)


class _Pruning:
    """When this process last threw old replies away."""

    lock = threading.Lock()
    at = float("-inf")


def _prune() -> None:
    with _Pruning.lock:
        if time.monotonic() < _Pruning.at + _PRUNE_SECONDS:
            return
        _Pruning.at = time.monotonic()
    _quietly(KeptReply.objects.filter(created_at__lte=timezone.now() - KEPT_FOR).delete)
