"""The form of a new run: made from the strategy's schema, judged by the API's own rules."""

from .again import texts_of
from .offer import Offer, modes_for, offer_to
from .run import RunForm
from .starting import request_of, start

__all__ = ["Offer", "RunForm", "modes_for", "offer_to", "request_of", "start", "texts_of"]
