"""What a run is, what happened to it, what it left behind, and what it has at a venue."""

from .records import (
    TRYING_AGAIN,
    Artifact,
    Delivery,
    EquityPoint,
    Event,
    Heartbeat,
    Order,
    Run,
    Runner,
    Trade,
    Webhook,
)
from .sweeps import Sweep, SweepChunk, Trial
from .trading import Discrepancy, Execution, LiveSymbol, Protection, VenueOrder

__all__ = [
    "TRYING_AGAIN",
    "Artifact",
    "Delivery",
    "Discrepancy",
    "EquityPoint",
    "Event",
    "Execution",
    "Heartbeat",
    "LiveSymbol",
    "Order",
    "Protection",
    "Run",
    "Runner",
    "Sweep",
    "SweepChunk",
    "Trade",
    "Trial",
    "VenueOrder",
    "Webhook",
]
