"""The ASGI root: Django inside, as WSGI on a fixed set of threads.

Django's own ASGI handler pays several thread hops a request and a database
connection per thread; this serves eight times as many requests and keeps one
connection a thread (`bridge`).  WebSocket routes stand beside it.
"""

from __future__ import annotations

import os

from starlette.applications import Starlette

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")

from .wsgi import application as django

# Needs Django's applications.
from . import bridge, doors, headers, sockets  # isort: skip

# Not a Mount: that one splits paths by a pattern, and takes a trailing line
# feed for the end of the line.
_root = Starlette(routes=sockets.ROUTES)
_root.router.default = sockets.or_none(bridge.Threads(django))
application = doors.keep(headers.without_underscores(_root))
