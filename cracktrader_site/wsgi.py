"""Django behind the ASGI root, or behind any WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")
django = get_wsgi_application()

# Needs Django's applications.
from . import doors  # noqa: E402

application = doors.keep_wsgi(django)
