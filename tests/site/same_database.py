"""The server's settings on the database and the queue of the test that starts it."""

import os

from cracktrader_site.settings import *  # noqa: F403

if _name := os.environ.get("CRACKTRADER_TEST_DATABASE_NAME"):
    DATABASES["default"]["NAME"] = _name  # noqa: F405
