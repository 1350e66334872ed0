"""Names of headers, which WSGI and Django write with underscores."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


def without_underscores(app: ASGIApp) -> ASGIApp:
    """`app`, which sees no header with an underscore in its name.

    `X_Forwarded_For` would become one with the X-Forwarded-For that a proxy wrote,
    and no proxy takes it away.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if any(b"_" in name for name, _ in scope.get("headers", ())):
            kept = [header for header in scope["headers"] if b"_" not in header[0]]
            scope = {**scope, "headers": kept}
        await app(scope, receive, send)

    return serve
