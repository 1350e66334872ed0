"""Settings of the test-suite: the server's own, in a home of their own."""

import atexit
import os
import shutil
import tempfile

_home = tempfile.mkdtemp(prefix="cracktrader-test-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["CRACKTRADER_HOME"] = _home
for _name in [name for name in os.environ if name.startswith("CRACKTRADER_")]:
    if _name not in ("CRACKTRADER_HOME",) and not _name.startswith("CRACKTRADER_TEST"):
        del os.environ[_name]

from cracktrader_site.settings import *  # noqa: E402, F403

# A file, not memory: threads and processes of a test must see one database.
DATABASES["default"]["TEST"] = {"NAME": f"{_home}/test.sqlite3"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
