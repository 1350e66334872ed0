"""Compiles the engine into NUMBA_CACHE_DIR, so that an image's first backtest does not wait."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")

import django

django.setup()

from runs import runner  # noqa: E402 - needs Django's applications

runner.preload()
