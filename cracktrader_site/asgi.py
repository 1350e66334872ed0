"""The ASGI root: Django inside, as WSGI on a fixed set of threads.

Django's own ASGI handler pays several thread hops a request and a database
connection per thread; this serves several times as many requests (`make bench-api`)
and keeps one connection a thread (`bridge`).  WebSocket routes stand beside it.
"""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")

from .wsgi import django

# Needs Django's applications.
from . import bridge, doors, headers, sockets  # isort: skip

_requests = bridge.Threads(django)
_sockets = Starlette(routes=sockets.ROUTES)
_sockets.router.default = sockets.refuse


async def _root(scope: Scope, receive: Receive, send: Send) -> None:
    """Django has all routes of requests: Starlette would only look for them first."""
    await (_requests if scope["type"] == "http" else _sockets)(scope, receive, send)


application = doors.keep(headers.without_underscores(_root))
