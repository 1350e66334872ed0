"""The OpenAPI schema: every operation with its errors in the envelope."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

from .errors import ERROR_CODES

_COMMON = (400, 500)
_WITH_BODY = (413, 415)


class EnvelopeSchema(AutoSchema):
    """Adds the error answers an operation can give, and the codes of each."""

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        for status in self._error_statuses():
            responses.setdefault(str(status), _error_answer(status))
        self._register_error()
        return dict(sorted(responses.items()))

    def _error_statuses(self) -> list[int]:
        statuses = [*_COMMON]
        if self.method in ("POST", "PUT", "PATCH", "DELETE"):
            statuses.append(403)
        if self.method in ("POST", "PUT", "PATCH"):
            statuses.extend(_WITH_BODY)
        if "{" in self.path or self.path.endswith(("/status", "/detailed", "/results", "/stop")):
            statuses.append(404)
        return sorted(statuses)

    def _register_error(self) -> None:
        from drf_spectacular.plumbing import ResolvedComponent

        component = ResolvedComponent(
            name="ErrorResponse",
            type=ResolvedComponent.SCHEMA,
            schema=_ERROR_SCHEMA,
            object="ErrorResponse",
        )
        self.registry.register_on_missing(component)


_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "enum": sorted(ERROR_CODES)},
                "message": {"type": "string"},
                "details": {"type": "object", "additionalProperties": {}},
            },
        }
    },
}

_WORDS = {
    400: "The request is wrong; details say what would be right.",
    401: "A key is needed.",
    403: "Not allowed.",
    404: "No such thing.",
    413: "The body is too large.",
    415: "The body must be application/json.",
    429: "Too many requests.",
    500: "A fault of the server.",
}


def _error_answer(status: int) -> dict[str, Any]:
    codes = [code for code, (of, _) in ERROR_CODES.items() if of == status]
    return {
        "description": f"{_WORDS[status]} Codes: {', '.join(codes)}.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
    }
