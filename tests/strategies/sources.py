"""Strategy files for the tests, as a user would write them."""

HEAD = """
import numpy as np
from pydantic import Field
from strategies.base import Params, PortfolioStrategy, Signals, Strategy, Weights
from strategies.indicators import crossed_above, crossed_below, ema, sma


class NoParams(Params):
    pass

"""


def one(signals: str, name: str = "Mine", warmup: str = "20", head: str = "") -> str:
    """A strategy whose signals() has the given body: `close` in, `above` (bool) out."""
    body = "\n".join(f"        {line}" for line in signals.splitlines())
    return f'''{HEAD}{head}
class {name}(Strategy):
    """Made for a test."""

    Params = NoParams

    def warmup(self, params):
        return {warmup}

    def signals(self, bars, params):
        close = bars.close
{body}
        return Signals(entries=above, exits=~above)
'''


GOOD = one("above = close > sma(close, 10)", name="Mine")
