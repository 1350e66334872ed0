"""How large runs may be, market data, orders of live runs."""

from cracktrader_site import env

MAX_SYMBOLS = env.integer(
    "CRACKTRADER_MAX_SYMBOLS", 50, "Symbols one run may trade.", minimum=1, maximum=1000
)
MAX_BARS = env.integer(
    "CRACKTRADER_MAX_BARS",
    5_000_000,
    "Bars one run may cover, all symbols together.",
    minimum=1,
    maximum=1_000_000_000,
)
MAX_TRIALS = env.integer(
    "CRACKTRADER_MAX_TRIALS",
    100_000,
    "Backtests one sweep may ask for, all variations and windows together.",
    minimum=1,
    maximum=10_000_000,
)
MAX_ACTIVE = env.integer(
    "CRACKTRADER_MAX_ACTIVE",
    1_000,
    "Runs one owner (a key, a user, or all without a key) may have active, queued ones too; "
    "0: no limit.",
    maximum=1_000_000,
)
MAX_ACTIVE_SWEEPS = env.integer(
    "CRACKTRADER_MAX_ACTIVE_SWEEPS",
    20,
    "Sweeps one owner may have active; 0: no limit.",
    maximum=100_000,
)
VENUE_TIMEOUT = env.integer(
    "CRACKTRADER_VENUE_TIMEOUT", 15, "Seconds to wait for a venue's answer.", minimum=1, maximum=600
)
VENUE_RETRIES = env.integer(
    "CRACKTRADER_VENUE_RETRIES",
    4,
    "How often a failed market data request is repeated.",
    maximum=20,
)
BAR_SETTLE = env.integer(
    "CRACKTRADER_BAR_SETTLE_MS",
    300,
    "Milliseconds to leave a venue after a bar's close before it is asked for the bar.",
    maximum=60_000,
)
BAR_PATIENCE = env.integer(
    "CRACKTRADER_BAR_PATIENCE",
    30,
    "Seconds after a bar's close from which on a bar the venue does not deliver is passed over.",
    maximum=86_400,
)
REHEARSAL_CLOCK = env.clock(
    "CRACKTRADER_CLOCK",
    "Rehearse on another clock: `<time it shows>,<speed>[,<when, on the wall clock>]`, "
    "times in ISO 8601; without the last one: at the start.",
)

LIVE_TRADING = env.flag(
    "CRACKTRADER_LIVE_TRADING",
    False,
    "Lets keys with the scope `live` place real orders; needs CRACKTRADER_AUTH.",
)
CREDENTIALS_KEY = env.names(
    "CRACKTRADER_CREDENTIALS_KEY",
    [],
    "Keys that venue credentials are encrypted with (`manage.py credentials new-key` makes one): "
    "the first encrypts, all decrypt.",
)
RECV_WINDOW = env.integer(
    "CRACKTRADER_RECV_WINDOW_MS",
    5000,
    "Milliseconds after which a venue refuses an order that was sent and has not arrived.",
    minimum=100,
    maximum=60_000,
)
ORDER_SKEW = env.integer(
    "CRACKTRADER_ORDER_SKEW_MS",
    2000,
    "Milliseconds to wait beyond that window, for clocks that differ and books that show an order "
    "late, before an order the venue does not know is taken for one it never got.",
    minimum=100,
    maximum=600_000,
)
ORDER_TIMEOUT = env.number(
    "CRACKTRADER_ORDER_TIMEOUT",
    10.0,
    "Seconds to wait for a venue's answer about an account.",
    0.1,
    600.0,
)
ORDER_POLL = env.integer(
    "CRACKTRADER_ORDER_POLL_MS",
    1000,
    "Milliseconds between two looks at orders that are open at a venue.",
    minimum=50,
    maximum=600_000,
)
RECONCILE_SECONDS = env.integer(
    "CRACKTRADER_RECONCILE_SECONDS",
    300,
    "Seconds between two comparisons of a venue's books with ours.",
    minimum=1,
    maximum=86_400,
)
