"""Django behind the ASGI root, or behind any WSGI server."""

import os

import django as framework
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

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


django = Handler()
application = doors.keep_wsgi(django)
