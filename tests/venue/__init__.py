"""A wire-level look-alike of Binance Spot, for the real ccxt client to talk to."""

from .faults import Fault, Faults
from .market import SpotMarket
from .server import VenueServer

__all__ = ["Fault", "Faults", "SpotMarket", "VenueServer"]
