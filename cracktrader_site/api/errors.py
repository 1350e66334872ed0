"""One table from what went wrong to what the client reads.

Every error of the API has the same shape:

    {"error": {"code": "INVALID_SYMBOL", "message": "…", "details": {…}}}

`ERROR_CODES` is the list of codes; tests hold the schema, docs/api.md and the
source to it.
"""

from __future__ import annotations

import logging
from typing import Any

from django.core import exceptions as django_errors
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from exchanges.domain import CracktraderError

from .renderers import OrjsonRenderer
from .throttling.counting import counted_error

logger = logging.getLogger(__name__)

ERROR_CODES: dict[str, tuple[int, str]] = {
    # the request itself
    "INVALID_JSON": (400, "The body is not JSON."),
    "INVALID_TEXT": (400, "A text holds a lone surrogate or a NUL."),
    "INVALID_NUMBER": (400, "A number is not finite, or has too many digits."),
    "JSON_TOO_DEEP": (400, "The body is nested too deeply."),
    "DUPLICATE_KEY": (400, "An object names one key twice."),
    "LENGTH_REQUIRED": (400, "A body came without Content-Length."),
    "INVALID_REQUEST": (400, "The request as a whole is wrong; details name each part."),
    "MISSING_FIELD": (400, "A required field is missing."),
    "UNKNOWN_FIELD": (400, "A field or query parameter that does not exist."),
    "INVALID_TYPE": (400, "A value has the wrong type."),
    "INVALID_VALUE": (400, "A value is out of its bounds."),
    "INVALID_CURSOR": (400, "The page cursor is not one this server gave out."),
    # what a run is asked to do
    "INVALID_CASH": (400, "Cash must be above 0 and at most 1e12."),
    "INVALID_RANGE": (400, "The dates name no closed bars."),
    "NAIVE_DATETIME": (400, "A date without a time zone."),
    "INVALID_SYMBOL": (400, "A symbol the venue does not offer."),
    "INVALID_SYMBOLS": (400, "Symbols must be given, each once."),
    "TOO_MANY_SYMBOLS": (400, "More symbols than one run may trade."),
    "TOO_MANY_BARS": (400, "More bars than one run may cover."),
    "INVALID_STOPS": (400, "Stops that exclude each other."),
    "INVALID_LIMITS": (400, "A loss limit is a fraction in (0, 1)."),
    "INVALID_SPACE": (400, "What a sweep is to vary is not understood; details name the field."),
    "INVALID_WALK_FORWARD": (400, "Walk-forward windows that do not fit into the dates."),
    "TOO_MANY_TRIALS": (400, "More trials than one sweep may have."),
    "STRATEGY_FAILED": (400, "The strategy's own code raised an error."),
    "STRATEGY_BROKEN": (400, "The strategy's file does not load."),
    "INVALID_PARAMS": (400, "Strategy parameters out of bounds."),
    "UNKNOWN_PARAM": (400, "A parameter the strategy does not have."),
    "UNKNOWN_STRATEGY": (400, "A strategy that is not registered."),
    "UNKNOWN_EXCHANGE": (400, "A venue that does not exist."),
    "UNKNOWN_TIMEFRAME": (400, "A timeframe the venue does not offer."),
    "EXCHANGE_DISABLED": (400, "The operator has switched this venue off."),
    "EXCHANGE_CONFIG_KEY_NOT_ALLOWED": (400, "A key exchange_config may not hold."),
    "SANDBOX_UNSUPPORTED": (400, "The venue has no sandbox."),
    "CREDENTIALS_MISSING": (400, "Credentials the venue needs are missing; details name them."),
    "UNKNOWN_CREDENTIAL": (400, "A credential this server does not keep."),
    "CREDENTIAL_MISMATCH": (400, "The stored credential is of another venue or sandbox setting."),
    "IDEMPOTENCY_MISMATCH": (400, "The Idempotency-Key or client_id came with another body."),
    "IDEMPOTENCY_IN_FLIGHT": (400, "The first request under the Idempotency-Key goes on still."),
    "RUN_ALREADY_ACTIVE": (400, "Another live run trades the symbol on this account."),
    "LIVE_UNSUPPORTED": (400, "Nothing real can be bought at this venue."),
    "ACCOUNT_KILLED": (400, "The account's kill switch was thrown."),
    "RUN_NOT_ACTIVE": (400, "The run is not running."),
    "RUN_NOT_LIVE": (400, "The run trades at no venue."),
    "ORDER_NOT_OPEN": (400, "The order is over; its status is in the details."),
    "PROTECTIVE_ORDER": (
        400,
        "A stop that protects the position of an active run is not canceled by hand.",
    ),
    "UNKNOWN_ACTION": (400, "The discrepancy cannot be resolved so; details name what can."),
    "DISCREPANCY_RESOLVED": (400, "The discrepancy is resolved already."),
    "CREDENTIALS_REFUSED": (400, "The venue does not take the account's API key."),
    "VENUE_UNREACHABLE": (400, "The venue did not answer about an account; try again."),
    "RUN_ACTIVE": (400, "The run is still active; stop it first."),
    "SWEEP_ACTIVE": (400, "The sweep is still active; stop it first."),
    "NO_DRIFT": (400, "A backtest, or a run that has not stepped a bar, has no drift."),
    # access
    "NOT_AUTHENTICATED": (401, "A key is needed, and one that is valid."),
    "PERMISSION_DENIED": (403, "The key has no scope for this; details name those that would do."),
    "CSRF_FAILED": (403, "A session of the admin came without its page's CSRF token."),
    "FOREIGN_ORIGIN": (403, "The request came from another site's page."),
    "LIVE_TRADING_DISABLED": (403, "Live trading is switched off."),
    "CREDENTIALS_KEY_MISSING": (403, "The server has no key to encrypt venue credentials with."),
    "CREDENTIALS_UNREADABLE": (403, "The venue credentials cannot be decrypted, or were removed."),
    "NOT_FOUND": (404, "No such path."),
    "RUN_NOT_FOUND": (404, "No such run."),
    "SWEEP_NOT_FOUND": (404, "No such sweep."),
    "TRIAL_NOT_FOUND": (404, "The sweep has no such trial, or has not tried it yet."),
    "ACCOUNT_NOT_FOUND": (404, "No such account."),
    "ORDER_NOT_FOUND": (404, "No such order."),
    "DISCREPANCY_NOT_FOUND": (404, "No such discrepancy."),
    "STRATEGY_NOT_FOUND": (404, "No such strategy."),
    "ARTIFACT_NOT_FOUND": (404, "The run has no such artifact."),
    "METHOD_NOT_ALLOWED": (405, "The path does not answer this method."),
    "BODY_TOO_LARGE": (413, "The body is larger than the server accepts."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The body must be application/json in UTF-8."),
    "TOO_MANY_ACTIVE": (
        429,
        "The caller has as many active runs or sweeps as it may; details say how many.",
    ),
    "CHECK_BUSY": (429, "Enough checks are under way; Retry-After says when to come back."),
    "VENUE_RATE_LIMITED": (429, "The venue wants fewer requests; see Retry-After."),
    "RATE_LIMITED": (429, "Too many requests; Retry-After says when to come back."),
    "INTERNAL_ERROR": (500, "A fault of the server; its log has it."),
}

RUN_CODES: dict[str, str] = {
    "VENUE_UNREACHABLE": "The venue could not be reached.",
    "VENUE_RATE_LIMITED": "The venue asked for fewer requests, and kept asking.",
    "VENUE_BAD_DATA": "The venue kept answering with malformed data.",
    "VENUE_ERROR": "The venue refused the request.",
    "HISTORY_NOT_AVAILABLE": "The venue offers no candles of the past.",
    "NO_CANDLES": "There is no candle in the run's range.",
    "WITHDRAWAL_ALLOWED": "A live run's API key may withdraw.",
    "INSUFFICIENT_FUNDS": "The account has less free than a live run's `initial_cash`.",
    "ORDER_TOO_SMALL": "No order of a live run could be as large as the venue wants it.",
    "INVALID_BARS": "The candles are not what the run was asked to cover.",
    "STRATEGY_BAD_OUTPUT": "The strategy returned something that is not signals.",
    "INVALID_WEIGHTS": "Target weights outside [0, 1] or above 1 in sum.",
    "LOSS_LIMIT": "A loss limit was broken: everything was sold and the run stopped.",
    "WORKER_LOST": "The run's worker died each time it was taken up.",
    "RUN_TIMEOUT": "The run took longer than the server allows.",
    "RUN_FAILED": "The run met an error that is not its own.",
}
"""How a run can fail besides: in its `error`, never an HTTP answer."""

COMMAND_CODES: dict[str, str] = {
    "AMBIGUOUS_RUN": "Several runs' ids begin so.",
    "BOOKS_LOST": "Bars that the run stepped are not kept any more.",
    "ORDER_PENDING": "It is not known yet what became of the order.",
    "NOTHING_STEPPED": "The run has not stepped a bar yet.",
    "RUN_NOT_COMPLETED": "Only a completed run can be verified.",
    "FILE_NOT_FOUND": "There is no such file.",
    "UNREADABLE_FILE": "The file is no CSV, Parquet or Feather of candles.",
    "INVALID_CANDLES": "The file's candles are not what a check needs.",
    "INVALID_EXCHANGE_NAME": "A venue's name is lower case letters, digits, - and _.",
    "INVALID_URL": "Not a server's address.",
    "CANDLES_HELD": "Candles of another server are held under this venue's name.",
    "FEEDS_IN_USE": "Active runs trade on bars of the address this venue has.",
    "INVALID_CREDENTIAL_NAME": "A credential's name is letters, digits and . _ -.",
    "CREDENTIAL_EXISTS": "There is a credential of this name already.",
    "CREDENTIAL_IN_USE": "An active run or an open order needs the credential.",
    "INVALID_COSTS": "Fee and slippage are fractions in [0, 1).",
    "INVALID_POSITION_SIZE": "A position's size is a share in (0, 1].",
    "BUSY": "As much of the same is under way as may be.",
    "TOO_MANY_DOWNLOADS": "As many downloads are under way as may be.",
    "DOWNLOAD_NOT_FOUND": "There is no such download.",
    "DOWNLOAD_FAILED": "A download met an error that is not its own.",
    "FILE_EXISTS": "A backup is not written over another file.",
    "NO_DESK": "There is no desk where a backup is asked for.",
    "DATABASE_NOT_CURRENT": "The database lacks migrations.",
    "DAMAGED_BACKUP": "The file is no backup, or not what it was when it was made.",
    "UNKNOWN_BACKUP": "The backup is of a newer version.",
    "NOT_EMPTY": "A desk would be lost.",
    "NOT_WRITABLE": "A folder that a restore has files for cannot be written.",
    "DESK_RUNNING": "A desk is at work where a backup is to be restored.",
    "RESTORE_UNFINISHED": "What a restore that broke off was to replace is gone already.",
}
"""What only management commands, pages and Python callers can meet."""

WEBSOCKET_CODES: dict[str, str] = {
    "TOO_MANY_CONNECTIONS": "The server holds as many WebSocket connections as it may (429).",
    "TOO_MANY_SUBSCRIPTIONS": "The connection holds ten subscriptions already.",
    "NOT_SUBSCRIBED": "There is no such subscription to end.",
}
"""What only WebSocket clients can meet; docs/websocket.md lists them."""

# Some of DRF's messages repeat what was sent.
MAX_MESSAGE = 300

_DRF_CODES: dict[type[drf.APIException], str] = {
    drf.ParseError: "INVALID_JSON",
    drf.NotAuthenticated: "NOT_AUTHENTICATED",
    drf.AuthenticationFailed: "NOT_AUTHENTICATED",
    drf.PermissionDenied: "PERMISSION_DENIED",
    drf.NotFound: "NOT_FOUND",
    drf.MethodNotAllowed: "METHOD_NOT_ALLOWED",
    drf.UnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE",
}

_FIELD_CODES = {"required": "MISSING_FIELD", "null": "INVALID_TYPE", "not_a_list": "INVALID_TYPE"}


def envelope(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details or {}}}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: every exception of a view ends here."""
    request = context["request"]
    response = answer(counted_error(error, request))
    # The schema's view and its pages would make YAML and HTML of it.
    request.accepted_renderer, request.accepted_media_type = OrjsonRenderer(), "application/json"
    if response.status_code == 500:
        logger.exception("unhandled error in %s", request.path, exc_info=error)
    return response


def answer(error: Exception) -> Response:
    """The envelope, with the headers that go with it."""
    status, code, message, details = describe(error)
    response = Response(envelope(code, message, details), status=status)
    if "retry_after_seconds" in details:
        response["Retry-After"] = str(details["retry_after_seconds"])
    if isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
        response["WWW-Authenticate"] = "Bearer"
    return response


def describe(error: Exception) -> tuple[int, str, str, dict[str, Any]]:
    """(status, code, message, details) of any exception."""
    match error:
        case CracktraderError():
            return error.status, error.code, error.message, error.details
        case drf.ValidationError():
            return 400, *_describe_fields(error)
        case drf.APIException():
            code = _DRF_CODES.get(type(error), "INVALID_REQUEST")
            return ERROR_CODES[code][0], code, str(error.detail)[:MAX_MESSAGE], {}
        case Http404():
            return 404, "NOT_FOUND", "No such thing here", {}
        case django_errors.PermissionDenied():
            return 403, "PERMISSION_DENIED", "Not allowed", {}
        case django_errors.RequestDataTooBig():
            return 413, "BODY_TOO_LARGE", "The body is too large", {}
        case django_errors.SuspiciousOperation():
            return 400, "INVALID_REQUEST", "The request has too many parts, or odd ones", {}
        case OperationalError():
            return 500, "INTERNAL_ERROR", "The database did not answer; try again", {}
    return 500, "INTERNAL_ERROR", "Something broke on our side; the server's log has it", {}


def _describe_fields(error: drf.ValidationError) -> tuple[str, str, dict[str, Any]]:
    """A serializer's findings: its one code, or INVALID_REQUEST over several."""
    fields: dict[str, dict[str, str]] = {}

    def collect(detail: Any, path: str) -> None:
        if isinstance(detail, dict):
            for key, value in detail.items():
                name = "" if key == "non_field_errors" else str(key)
                collect(value, f"{path}.{name}".strip("."))
        elif isinstance(detail, list) and detail and isinstance(detail[0], dict):
            for index, value in enumerate(detail):
                collect(value, f"{path}[{index}]")
        elif isinstance(detail, list):
            collect(detail[0], path)
        else:
            raw = getattr(detail, "code", "invalid")
            code = raw if raw in ERROR_CODES else _FIELD_CODES.get(raw, "INVALID_VALUE")
            fields[path] = {"code": code, "message": str(detail)}

    collect(error.detail, "")
    codes = {finding["code"] for finding in fields.values()}
    code = codes.pop() if len(codes) == 1 else "INVALID_REQUEST"
    message = "; ".join(
        f"{name}: {f['message']}" if name else f["message"] for name, f in fields.items()
    )
    return code, message, {"fields": fields}
