"""The OpenAPI schema: every operation with its errors in the envelope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import SAFE_METHODS

from .errors import ERROR_CODES, RUN_CODES, WEBSOCKET_CODES
from .permissions import HasScope, needed_scopes

_STARTS = ("run_backtest", "run_live", "run_sweep")
_KEPT = (*_STARTS, "place_order", "check_strategy", "resolve_discrepancy", "run_trial")
_PARAMS = ("UNKNOWN_PARAM", "INVALID_PARAMS", "STRATEGY_BROKEN", "STRATEGY_FAILED")
_BODY_CODES = {
    400: (
        "INVALID_JSON", "INVALID_TEXT", "INVALID_NUMBER", "JSON_TOO_DEEP", "DUPLICATE_KEY",
        "LENGTH_REQUIRED", "MISSING_FIELD", "INVALID_TYPE",
    ),
    413: ("BODY_TOO_LARGE",),
    415: ("UNSUPPORTED_MEDIA_TYPE",),
}  # fmt: skip
_START_CODES = (
    "INVALID_CASH", "INVALID_RANGE", "NAIVE_DATETIME", "INVALID_SYMBOL", "INVALID_SYMBOLS",
    "TOO_MANY_SYMBOLS", "TOO_MANY_BARS", "INVALID_STOPS", "INVALID_LIMITS", *_PARAMS,
    "UNKNOWN_STRATEGY",
    "UNKNOWN_EXCHANGE", "UNKNOWN_TIMEFRAME", "EXCHANGE_DISABLED",
)  # fmt: skip
_OWN_CODES: dict[str, dict[int, tuple[str, ...]]] = {
    "run_live": {
        400: (
            "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
            "SANDBOX_UNSUPPORTED",
            "CREDENTIALS_MISSING",
            "UNKNOWN_CREDENTIAL",
            "CREDENTIAL_MISMATCH",
            "RUN_ALREADY_ACTIVE",
            "LIVE_UNSUPPORTED",
            "ACCOUNT_KILLED",
        ),
        403: ("LIVE_TRADING_DISABLED", "CREDENTIALS_KEY_MISSING", "CREDENTIALS_UNREADABLE"),
    },
    "run_sweep": {400: ("INVALID_SPACE", "INVALID_WALK_FORWARD", "TOO_MANY_TRIALS")},
    "run_trial": {
        400: _START_CODES,
        404: ("TRIAL_NOT_FOUND",),
        429: ("TOO_MANY_ACTIVE",),
    },
    "delete_sweep": {400: ("SWEEP_ACTIVE",)},
    "sweeps": {400: ("INVALID_CURSOR",)},
    "sweep_trials": {400: ("INVALID_CURSOR",)},
    "sweep_trial": {404: ("TRIAL_NOT_FOUND",)},
    "sweep_heatmap": {400: ("MISSING_FIELD",)},
    "sweep_equity": {404: ("ARTIFACT_NOT_FOUND",)},
    "run_reset": {400: ("RUN_ACTIVE",)},
    "exchanges": {400: ("INVALID_TYPE",)},
    "strategy": {404: ("STRATEGY_NOT_FOUND",)},
    "check_strategy": {
        400: (*_PARAMS, "UNKNOWN_STRATEGY"),
        404: ("STRATEGY_NOT_FOUND",),
        429: ("CHECK_BUSY",),
    },
    "run_drift": {400: ("NO_DRIFT",), 429: ("CHECK_BUSY",)},
    "runs": {400: ("INVALID_CURSOR", "INVALID_TEXT", "INVALID_SYMBOL")},
    "account": {404: ("ACCOUNT_NOT_FOUND",)},
    "account_kill": {404: ("ACCOUNT_NOT_FOUND",)},
    "account_release": {403: ("LIVE_TRADING_DISABLED",), 404: ("ACCOUNT_NOT_FOUND",)},
    "balance": {
        400: ("VENUE_UNREACHABLE", "CREDENTIALS_REFUSED"),
        403: ("CREDENTIALS_UNREADABLE",),
        404: ("ACCOUNT_NOT_FOUND",),
        429: ("VENUE_RATE_LIMITED",),
    },
    "positions": {404: ("ACCOUNT_NOT_FOUND",)},
    "orders": {400: ("INVALID_CURSOR", "INVALID_SYMBOL"), 404: ("ACCOUNT_NOT_FOUND",)},
    "order": {404: ("ORDER_NOT_FOUND",)},
    "place_order": {
        400: (
            "INVALID_SYMBOL",
            "RUN_NOT_LIVE",
            "RUN_NOT_ACTIVE",
            "ACCOUNT_KILLED",
        ),
        403: ("LIVE_TRADING_DISABLED",),
        404: ("RUN_NOT_FOUND", "ACCOUNT_NOT_FOUND"),
    },
    "cancel_order": {400: ("ORDER_NOT_OPEN", "PROTECTIVE_ORDER"), 404: ("ORDER_NOT_FOUND",)},
    "discrepancies": {400: ("INVALID_CURSOR",), 404: ("ACCOUNT_NOT_FOUND",)},
    "resolve_discrepancy": {
        400: ("UNKNOWN_ACTION", "DISCREPANCY_RESOLVED"),
        404: ("DISCREPANCY_NOT_FOUND",),
    },
    **{f"run_{page}": {400: ("INVALID_CURSOR",)} for page in ("trades", "orders", "equity")},
}
_RUN_ID = (
    "status", "status_detailed", "results", "run_stop", "balance", "positions", "orders",
    "discrepancies",
)  # fmt: skip
_TABLES = (
    "orders",
    "results",
    "status_detailed",
    "run_trades",
    "run_orders",
    "run_equity",
    "run_artifact",
)


class EnvelopeSchema(AutoSchema):
    """Adds the error answers an operation can give, and the codes of each."""

    def get_description(self) -> str:
        """Only what is written for the operation: a viewset's docstring is about its code."""
        return ""

    def get_auth(self) -> list[dict[str, Any]]:
        """The key; that there may be none is said while authentication is off."""
        auth = super().get_auth()
        return auth if settings.AUTH or not auth else [*auth, {}]

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if getattr(serializer, "refuses_unknown", False):
            schema["additionalProperties"] = False
        return schema

    def _is_list_view(self, serializer: Any = None) -> bool:
        """A bare list is no answer of ours; only pages are made of rows."""
        return hasattr(self.view, "paginate_queryset") and bool(super()._is_list_view(serializer))

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        for status, codes in self._error_codes().items():
            responses.setdefault(str(status), _error_answer(status, codes))
        if self._wants_key():
            scopes = " or ".join(f"`{scope}`" for scope in needed_scopes(self.view, self.method))
            responses["403"]["description"] += f" Scope: {scopes}."
        for status, answer in responses.items():
            answer.setdefault("headers", {}).update(_header_refs(status))
        self._register_components()
        return dict(sorted(responses.items()))

    def _error_codes(self) -> dict[int, tuple[str, ...]]:
        operation = self.get_operation_id()
        codes: dict[int, tuple[str, ...]] = {
            400: ("INVALID_REQUEST", "UNKNOWN_FIELD", "INVALID_VALUE"),
            403: ("FOREIGN_ORIGIN",),
            429: ("RATE_LIMITED",),
            500: ("INTERNAL_ERROR",),
        }
        more = [_OWN_CODES.get(operation, {})]
        if self._wants_key():
            more.append({401: ("NOT_AUTHENTICATED",), 403: ("PERMISSION_DENIED",)})
            if self.method not in SAFE_METHODS:
                more.append({403: ("CSRF_FAILED",)})
        if self.method == "POST":
            more.append(_BODY_CODES)
        if operation in _STARTS:
            more.append({400: _START_CODES, 429: ("TOO_MANY_ACTIVE",)})
        if operation in _KEPT:
            more.append({400: ("IDEMPOTENCY_MISMATCH", "IDEMPOTENCY_IN_FLIGHT")})
        if operation in _RUN_ID:
            more.append({400: ("INVALID_TEXT",)})
        if operation in _RUN_ID or "{run_id}" in self.path:
            more.append({404: ("RUN_NOT_FOUND",)})
        if "{sweep_id}" in self.path:
            more.append({404: ("SWEEP_NOT_FOUND",)})
        if operation in _TABLES:
            more.append({404: ("ARTIFACT_NOT_FOUND",)})
        for table in more:
            for status, added in table.items():
                codes[status] = tuple(dict.fromkeys((*codes.get(status, ()), *added)))
        return codes

    def _wants_key(self) -> bool:
        return any(isinstance(wanted, HasScope) for wanted in self.view.get_permissions())

    def _register_components(self) -> None:
        from drf_spectacular.plumbing import ResolvedComponent

        for kind, components in (
            (ResolvedComponent.SCHEMA, _ERROR_COMPONENTS),
            (ResolvedComponent.HEADER, _HEADERS),
        ):
            for name, schema in components.items():
                component = ResolvedComponent(name=name, type=kind, schema=schema, object=name)
                self.registry.register_on_missing(component)


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = "cracktrader_site.api.authentication.BearerKey"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key that `manage.py create_key` made.",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "cracktrader_site.api.authentication.StaffSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "Of staff logged in to the admin; POST and DELETE want X-CSRFToken too.",
        }


class NumberWithBounds(OpenApiSerializerFieldExtension):
    """`above` and `below` as JSON Schema has them."""

    target_class = "runs.fields.StrictNumber"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        field = self.target
        schema: dict[str, Any] = {"type": "number", "format": "double"}
        for word, open_bound, closed_bound in (
            ("minimum", field.above, field.at_least),
            ("maximum", field.below, field.at_most),
        ):
            if closed_bound is not None:
                schema[word] = closed_bound
            elif open_bound is not None:
                schema[word] = open_bound
                schema[f"exclusive{word.capitalize()}"] = True
        return schema


_ERROR_COMPONENTS: dict[str, dict[str, Any]] = {
    "ErrorCode": {
        "type": "string",
        "enum": sorted({*ERROR_CODES, *RUN_CODES, *WEBSOCKET_CODES}),
        "description": "Of an answer's error, of a WebSocket message's, or of a run that failed.",
    },
    "ErrorResponse": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "details"],
                "properties": {
                    "code": {"$ref": "#/components/schemas/ErrorCode"},
                    "message": {"type": "string"},
                    "details": {"type": "object", "additionalProperties": {}},
                },
            }
        },
    },
}

_HEADERS: dict[str, dict[str, Any]] = {
    name: {"description": words, "schema": {"type": "integer", "minimum": least}}
    for name, least, words in (
        ("X-RateLimit-Limit", 1, "Requests in any 60 seconds, of the tightest limit there is."),
        ("X-RateLimit-Remaining", 0, "How many of them are left."),
        ("X-RateLimit-Reset", 0, "When the next one is forgotten, in seconds since 1970."),
        ("Retry-After", 1, "Seconds after which to come back."),
    )
}

_WORDS = {
    400: "The request is wrong; details say what would be right.",
    401: "A key is needed.",
    403: "Not allowed.",
    404: "No such thing.",
    413: "The body is too large.",
    415: "The body must be application/json.",
    429: "Too much at once; Retry-After says when to come back.",
    500: "A fault of the server.",
}


def _header_refs(status: str) -> dict[str, Any]:
    refused = status == "429"
    return {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in _HEADERS
        if refused or name != "Retry-After"
    }


def _error_answer(status: int, codes: Sequence[str]) -> dict[str, Any]:
    return {
        "description": f"{_WORDS[status]} Codes: {', '.join(codes)}.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
    }
