"""Numbers in JSON text."""

from __future__ import annotations

import re
from decimal import Decimal

# Strings are passed over, whatever is in them.
_LARGE = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<number>-?\d+(?:\.\d+)?[eE]\+\d+)')


def written_out(text: str) -> str:
    """JSON whose large floats, such as `1e+16`, have all their digits and `.0`.

    PostgreSQL keeps JSON's numbers as decimals: the exponent would be lost, and what
    was a float be read as an integer, of more than 64 bits even.  The floats' values
    stay as they are to the last bit.
    """
    return _LARGE.sub(_written_out, text) if "e+" in text or "E+" in text else text


def _written_out(found: re.Match[str]) -> str:
    number = found["number"]
    if number is None:
        return found[0]
    digits = format(Decimal(number), "f")
    return digits if "." in digits else f"{digits}.0"
