"""The field's own words, free of Django: what strategies and the engine may see."""

from .bars import Bars, Gap
from .errors import Busy, CracktraderError, InvalidInput, NotFound, Refused, VenueError
from .orders import Fill, Order, OrderStatus, Purpose, Side
from .panel import Panel
from .symbol import Symbol
from .timeframe import Timeframe

__all__ = [
    "Bars",
    "Busy",
    "CracktraderError",
    "Fill",
    "Gap",
    "InvalidInput",
    "NotFound",
    "Order",
    "OrderStatus",
    "Panel",
    "Purpose",
    "Refused",
    "Side",
    "Symbol",
    "Timeframe",
    "VenueError",
]
