"""Settings of the test-suite: the server's own, in a home of their own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_home = tempfile.mkdtemp(prefix="cracktrader-test-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["CRACKTRADER_HOME"] = _home
for _name in [name for name in os.environ if name.startswith("CRACKTRADER_")]:
    if not _name.startswith(("CRACKTRADER_HOME", "CRACKTRADER_TEST", "CRACKTRADER_HYPOTHESIS")):
        del os.environ[_name]
# Compiled once for all homes of all tests.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).resolve().parent.parent / ".numba"))

from cracktrader_site.settings import *  # noqa: E402, F403

# A file, not memory: threads and processes of a test must see one database.
DATABASES["default"]["TEST"] = {"NAME": f"{_home}/test.sqlite3"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
RATE_LIMIT = RATE_LIMIT_PAGES = 0
# Each test has clients of its own, which would list all assets.
WHITENOISE_AUTOREFRESH = True
