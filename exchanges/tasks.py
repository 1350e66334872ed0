"""What the task queue calls: an id in, nothing out, safe to call twice."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from exchanges.services import downloads, fetching

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


def fetch(download_id: int) -> None:
    """Ends this process where the database cannot be written.

    What it holds is then free at once, or when the ticker sees that it is gone.
    """
    try:
        fetching.execute(download_id)
    except (OperationalError, InterfaceError):
        logger.exception("download %s: the database cannot be written", download_id)
        time.sleep(PAUSE_SECONDS)
        with suppress(DatabaseError, InterfaceError):
            connection.close()
            downloads.let_go()
        raise SystemExit(1) from None
