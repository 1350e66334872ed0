"""Django behind the ASGI root, or behind any WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")
application = get_wsgi_application()
