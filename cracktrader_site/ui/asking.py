"""Pages that wait for a venue: two at a time, so that one that hangs never takes all threads."""

from __future__ import annotations

from exchanges.places import Places

VENUES = Places(2, "Other venues are being asked", retry=3)
