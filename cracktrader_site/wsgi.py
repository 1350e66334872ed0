"""Django behind the ASGI root, or behind any WSGI server."""

import os

import django as framework
from django.conf import settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_finished, request_started
from django.db import reset_queries

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")
framework.setup(set_prefix=False)

# Need Django's applications.
from . import doors, passage  # noqa: E402


class Utf8Request(WSGIRequest):
    """Read as UTF-8 whatever charset its Content-Type names, which need not be one of texts."""

    encoding = property(lambda request: None, lambda request, charset: None)


class Handler(WSGIHandler):
    request_class = Utf8Request

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async)
        passage.part(self)


# Each costs a request as much as a middleware: there is no cache to close, one URLconf, and
# queries are remembered for debugging alone.
request_finished.disconnect(close_caches)
request_finished.disconnect(reset_urlconf)
if not settings.DEBUG:
    request_started.disconnect(reset_queries)

django = Handler()
application = doors.keep_wsgi(django)
