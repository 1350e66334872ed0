"""What requests about accounts and orders may hold."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exchanges.domain import InvalidInput
from exchanges.exact import plain
from runs.bodies import Body
from runs.fields import StrictBool, StrictChoice, StrictText
from runs.models import Discrepancy
from runs.serializers import ORDER_SIDES

from .killing import STEPS

ORDER_TYPES = ["market", "limit"]
RESOLUTIONS = list(Discrepancy.Resolution.values)
MOST = Decimal(10**12)
MAX_DECIMALS = 18
_DECIMAL = re.compile(r"\d{1,13}(\.\d{1,18})?", re.ASCII)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1e12},
            {"type": "string", "pattern": r"^\d{1,13}(\.\d{1,18})?$"},
        ]
    }
)
class ExactNumber(serializers.Field):
    """An amount or a price, as a JSON number or, to the last digit, as text → Decimal.

    A JSON number is taken for the shortest decimal that reads as it.
    """

    default_error_messages = {
        "INVALID_TYPE": "expected a number, or one as text",
        "INVALID_NUMBER": "expected digits, with a point and at most 18 decimals",
        "INVALID_VALUE": "expected a number above 0 and at most 1e12",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, int | float | str):
            self.fail("INVALID_TYPE")
        if isinstance(data, str) and not _DECIMAL.fullmatch(data):
            self.fail("INVALID_NUMBER")
        if isinstance(data, float) and not math.isfinite(data):
            self.fail("INVALID_NUMBER")
        number = Decimal(repr(data) if isinstance(data, float) else data)
        if not 0 < number <= MOST or number.normalize().as_tuple().exponent < -MAX_DECIMALS:
            self.fail("INVALID_VALUE")
        return number

    def to_representation(self, value: Decimal) -> str:
        return plain(value)


class ManualOrderRequest(Body):
    run_id = StrictText(
        default=None, allow_null=True, max_length=64, help_text="The live run it belongs to, or"
    )
    account_id = StrictText(
        default=None, allow_null=True, max_length=64, help_text="the account, and no run."
    )
    symbol = StrictText(help_text='E.g. "BTC/USDT"; of a run one that it trades.')
    side = StrictChoice(choices=ORDER_SIDES)
    type = StrictChoice(choices=ORDER_TYPES)
    amount = ExactNumber(help_text="Of the base currency; cut to the venue's step.")
    price = ExactNumber(default=None, allow_null=True, help_text="Of a limit order.")
    client_id = StrictText(
        default="",
        max_length=255,
        help_text="Your own name for this order: sent again, it gives the same order.",
    )
    confirm_live = StrictBool(default=False, help_text="true, or no real order is placed.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["run_id"] is None) == (attrs["account_id"] is None):
            raise InvalidInput("INVALID_VALUE", "Name either run_id or account_id")
        name = attrs["client_id"]
        if not name.isascii() or not (name.isprintable() or not name):
            raise InvalidInput("INVALID_VALUE", "client_id must be printable ASCII")
        return attrs


class KillRequest(Body):
    steps = serializers.ListField(
        child=StrictChoice(choices=list(STEPS)),
        default=list(STEPS),
        allow_empty=False,
        max_length=len(STEPS),
        help_text="What is done: send nothing more, take back what rests there, sell what is held.",
    )
    reason = StrictText(default="", allow_blank=True, max_length=300, help_text="For the records.")


class ReleaseRequest(Body):
    confirm = StrictBool(default=False, help_text="true, or nothing is released.")


class ResolveRequest(Body):
    action = StrictChoice(
        choices=RESOLUTIONS, help_text="What is done about it; UNKNOWN_ACTION names those that fit."
    )
