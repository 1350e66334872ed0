"""Settings of the test-suite: the server's own, in a home of their own."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from cracktrader_site import compiled
from tests import migrated, servers

_home = tempfile.mkdtemp(prefix="cracktrader-test-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["CRACKTRADER_HOME"] = _home
for _name in [name for name in os.environ if name.startswith("CRACKTRADER_")]:
    if not _name.startswith(("CRACKTRADER_HOME", "CRACKTRADER_TEST", "CRACKTRADER_HYPOTHESIS")):
        del os.environ[_name]
for _name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(_name, None)
migrated.provide()
_scaled_out = servers.wanted()
if _scaled_out:
    servers.provide()
    _worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    os.environ["DATABASE_URL"] = f"{servers.shared_postgres()}/cracktrader"
    os.environ["REDIS_URL"] = servers.redis_for(f"suite {_worker}")
    # Tests look at them, and damage them.
    os.environ["CRACKTRADER_ARTIFACTS"] = "files"
# Compiled once for all homes of all tests.
_shared = Path(__file__).resolve().parent.parent / ".numba"
os.environ.setdefault("NUMBA_CACHE_DIR", str(compiled.folder(_shared)))

from cracktrader_site.settings import *  # noqa: E402, F403

if _scaled_out:
    # Processes that a test starts have databases of their own (`servers.environment`).
    for _name in ("DATABASE_URL", "REDIS_URL", "CRACKTRADER_ARTIFACTS"):
        del os.environ[_name]
    RATE_STORE = ""
else:
    # A file, not memory: threads and processes of a test must see one database.
    DATABASES["default"]["TEST"] = {"NAME": f"{_home}/test.sqlite3"}  # noqa: F405
if "pytest" in sys.modules:
    from hypothesis import HealthCheck
    from hypothesis import settings as examples

    # How long an example takes says more of the machine than of what is tested.
    examples.register_profile(
        "any machine",
        examples(),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    examples.load_profile("any machine")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
RATE_LIMIT = RATE_LIMIT_PAGES = 0
# Each test has clients of its own, which would list all assets.
WHITENOISE_AUTOREFRESH = True
