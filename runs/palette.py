"""Colours of charts: each stands out on a white page and on a dark one alike.

Told apart by people who see no red or no green, too, since nothing is said by
colour alone: curves have dashes, marks have shapes, candles are hollow or filled.
"""

from __future__ import annotations

BLUE, GREEN, RED = "#3b82f6", "#0d9488", "#dc2626"
ORANGE, PURPLE, GREY = "#d97706", "#a855f7", "#6b7280"
PINK, OLIVE = "#db2777", "#6f7d1c"

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY, PINK, OLIVE)
"""Of curves side by side, in this order."""

DASHES = (
    "solid",
    "dash",
    "dot",
    "longdash",
    "dashdot",
    "longdashdot",
    "2px,5px",
    "10px,3px,2px,3px,2px,3px",
)
"""That go with them."""
