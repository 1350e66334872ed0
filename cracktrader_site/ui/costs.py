"""What fills cost, in few words: figures mean little to whoever does not know it."""

from __future__ import annotations

from runs import formats


def told(fee: float, slippage: float) -> str:
    """Both are fractions: 0.1 % fee, no slippage."""
    return ", ".join(
        f"{formats.rate(value)} {name}" if value else f"no {name}"
        for value, name in ((fee, "fee"), (slippage, "slippage"))
    )
