"""Where things lie on this machine, and what it is called."""

from pathlib import Path

from cracktrader_site import compiled, env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

CRACKTRADER_HOME = env.path(
    "CRACKTRADER_HOME",
    BASE_DIR / "var",
    "Directory of database, candles, artifacts and secret key.",
)
# It holds password hashes, sessions and the secret key.
CRACKTRADER_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
MACHINE = env.machine(
    "CRACKTRADER_MACHINE",
    "What this machine, or container, is called among those that share a database; else its host "
    "name. No two of them may have one name.",
)
KNOWN_MACHINES = "exchanges.machines.known"
CANDLES_DIR = env.path(
    "CRACKTRADER_CANDLES_DIR", CRACKTRADER_HOME / "candles", "Directory of the candle store."
)
STRATEGIES_DIR = env.path(
    "CRACKTRADER_STRATEGIES_DIR",
    CRACKTRADER_HOME / "strategies",
    "Directory of your own strategy files; `manage.py sync_strategies` reads it.",
)
ARTIFACTS_DIR = env.path(
    "CRACKTRADER_ARTIFACTS_DIR",
    CRACKTRADER_HOME / "artifacts",
    "Directory of finished runs' trades, orders and equity (Parquet).",
)

env.provide("NUMBA_CACHE_DIR", lambda: str(compiled.folder(CRACKTRADER_HOME)))
# A sum shared among threads has other last bits than one that is not: machines of
# different sizes would not agree on a result's hash.  A run is too short to gain by them.
env.provide("OPENBLAS_NUM_THREADS", lambda: "1")
