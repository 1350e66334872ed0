"""A wire-level look-alike of Binance Spot, for the real ccxt client to talk to."""

from .chaos import Chaos
from .faults import Fault, Faults, lost, rate_limited, refused
from .ledger import Ledger
from .market import SpotMarket
from .orders import Account, Order, Posted, Trade
from .remote import RemoteVenue
from .rules import SymbolRules, VenueRefusal
from .server import VenueServer

__all__ = [
    "Account",
    "Chaos",
    "Fault",
    "Faults",
    "Ledger",
    "Order",
    "Posted",
    "RemoteVenue",
    "SpotMarket",
    "SymbolRules",
    "Trade",
    "VenueRefusal",
    "VenueServer",
    "lost",
    "rate_limited",
    "refused",
]
