"""What the first page would wait for is done beforehand."""

from __future__ import annotations

import subprocess
import sys

from tests.desk import ROOT

SCRIPT = """
import sys, django
django.setup()
import cracktrader_site.urls
from cracktrader_site.ui import warming
from runs import figures
assert "pyarrow" not in sys.modules
warming.AFTER_SECONDS = 0
warming.begin()
import threading
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(60)
print("pyarrow.parquet" in sys.modules, figures.pack_library.cache_info().currsize)
"""


def test_a_server_that_has_just_started_reads_what_charts_need(tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "DJANGO_SETTINGS_MODULE": "cracktrader_site.settings",
            "CRACKTRADER_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said.stdout.split() == ["True", "1"], said.stderr
