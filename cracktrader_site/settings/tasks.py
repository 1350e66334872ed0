"""Workers: how many, and how long they may take."""

from cracktrader_site import env

from .storage import REDIS_URL

JOB_WORKERS = env.integer(
    "CRACKTRADER_JOB_WORKERS", 2, "Worker processes for backtests.", minimum=1, maximum=256
)
BACKTEST_TIMEOUT = env.integer(
    "CRACKTRADER_BACKTEST_TIMEOUT",
    1800,
    "Seconds one backtest may take.",
    minimum=1,
    maximum=604_800,
)
RUN_LEASE_SECONDS = env.integer(
    "CRACKTRADER_RUN_LEASE_SECONDS",
    30,
    "Seconds without a sign of life after which another worker takes a run over.",
    minimum=2,
    maximum=3600,
)
RUN_MAX_ATTEMPTS = env.integer(
    "CRACKTRADER_RUN_MAX_ATTEMPTS",
    5,
    "How often a run whose worker died is taken up again before it fails.",
    minimum=1,
    maximum=1000,
)
LIVE_WORKERS = env.integer(
    "CRACKTRADER_LIVE_WORKERS",
    2,
    "Worker processes for paper and live runs.",
    minimum=1,
    maximum=256,
)
SLICE_BARS = env.integer(
    "CRACKTRADER_SLICE_BARS",
    250,
    "Bars a paper run that has fallen behind, or a replay, steps before it commits.",
    minimum=1,
    maximum=1_000_000,
)
SLICE_TIMEOUT = env.integer(
    "CRACKTRADER_SLICE_TIMEOUT",
    60,
    "Seconds one slice of a paper run may take; a replay's has CRACKTRADER_BACKTEST_TIMEOUT.",
    minimum=1,
    maximum=86_400,
)
LATE_SECONDS = env.integer(
    "CRACKTRADER_LATE_SECONDS",
    60,
    "Seconds after its close from which a bar that a paper run steps is marked late.",
    minimum=1,
    maximum=86_400,
)
# Slices and backtests wind their own alarms (runs.turns).  A task also begins its last
# slice late in its turn, closes books, and waits for a database that is busy.
_TASK_MARGIN = 60
Q_CLUSTER = {
    "name": "jobs",
    "broker_class": "runs.redis_broker.Bells" if REDIS_URL else "runs.broker.LeanOrm",
    "orm": "default",
    "workers": JOB_WORKERS,
    "timeout": BACKTEST_TIMEOUT + _TASK_MARGIN,
    # The Run row recovers work, the queue only rings the bell: a message is
    # delivered again far later than any lease, and once is enough.
    "retry": (BACKTEST_TIMEOUT + _TASK_MARGIN) * 3,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": 0,
    "bulk": 1,
    "queue_limit": 1,
    "catch_up": False,
    "scheduler": False,
    "recycle": 500,
    "max_rss": 1_500_000,
    "label": "Task queue",
    "error_reporter": {},
    # Backtests never starve runs that trade.
    "ALT_CLUSTERS": {
        "live": {
            "workers": LIVE_WORKERS,
            "timeout": SLICE_TIMEOUT + _TASK_MARGIN,
            "retry": (SLICE_TIMEOUT + _TASK_MARGIN) * 3,
        }
    },
}
