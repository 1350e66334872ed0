"""Django behind the ASGI root, or behind any WSGI server."""

import os

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")


class Utf8Request(WSGIRequest):
    """Read as UTF-8 whatever charset its Content-Type names, which need not be one of texts."""

    encoding = property(lambda request: None, lambda request, charset: None)


django = get_wsgi_application()
django.request_class = Utf8Request

# Needs Django's applications.
from . import doors  # noqa: E402

application = doors.keep_wsgi(django)
