"""The server's settings on the database of the test that starts it."""

import os

from cracktrader_site.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["CRACKTRADER_TEST_DATABASE"]  # noqa: F405
