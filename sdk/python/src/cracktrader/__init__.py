"""Python client of a Cracktrader server.

from cracktrader import CrackTraderAPI

api = CrackTraderAPI(api_key="your_key")
results = api.run_backtest("TestStrategy", ["BTC/USDT"], "1h", exchange="simulated")
print(results)
"""

from . import errors, models
from ._async.client import AsyncCrackTraderAPI
from ._async.live import AsyncLiveRun
from ._stream import StreamEvent
from ._sync.client import CrackTraderAPI
from ._sync.live import LiveRun
from ._version import __version__
from .exceptions import (
    APIError,
    ConnectionLost,
    CrackTraderError,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    RunFailed,
    ServerError,
    SweepFailed,
    TimedOut,
    Unauthorized,
    UnexpectedAnswer,
)
from .results import AsyncResults, Results

__all__ = [
    "APIError",
    "AsyncCrackTraderAPI",
    "AsyncLiveRun",
    "AsyncResults",
    "ConnectionLost",
    "CrackTraderAPI",
    "CrackTraderError",
    "InvalidRequest",
    "LiveRun",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "Results",
    "RunFailed",
    "ServerError",
    "StreamEvent",
    "SweepFailed",
    "TimedOut",
    "Unauthorized",
    "UnexpectedAnswer",
    "__version__",
    "errors",
    "models",
]
