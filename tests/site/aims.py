"""For each operation of the API, requests that must succeed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from runs.examples import REPLAY_BODY
from runs.filters import ORDERINGS
from runs.sweeps.ordering import SIGNED
from runs.trading.killing import STEPS
from tests.desk import EXAMPLE

Aimed = st.SearchStrategy[dict[str, Any]]
TABLES = ("trades", "orders", "equity")
NEEDS_VENUE = {
    "account", "account_kill", "account_release", "resolve_discrepancy",
    "order", "place_order", "cancel_order",
}  # fmt: skip
"""What can only succeed on a venue's account."""


@dataclass
class Known:
    """What there is on a desk to ask for, by its names."""

    completed: str
    replay: str
    runs: list[str]
    """Runs that may be stopped."""
    sweep: str = ""
    """One that is completed."""
    sweeps: list[str] = field(default_factory=list)
    """Sweeps that may be stopped."""
    doomed: list[str] = field(default_factory=list)
    """Sweeps that are over and may be deleted, each of them once."""
    account: str = ""
    spare: str = ""
    """An account whose kill switch may be thrown."""
    live: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    """The account's `exchange_config`."""


fraction = st.floats(0.001, 0.9)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "fee": fraction | st.just(0),
    "slippage": fraction,
    "stop_loss": fraction,
    "take_profit": st.floats(0.001, 100),
    "position_size": fraction,
    "cash": st.sampled_from(["sleeves", "shared"]),
    "max_drawdown": fraction | st.none(),
    "daily_loss": fraction,
}
EXAMPLE_PARTS: dict[str, st.SearchStrategy[Any]] = {
    name: st.just(value) for name, value in EXAMPLE.items()
} | {
    "strategy_name": st.sampled_from(["BuyAndHold", "MacdTrend", "DonchianBreakout"]),
    "strategy_params": st.just({}),
    "symbols": st.lists(st.sampled_from(["BTC/USDT", "ETH/USDT"]), min_size=1, unique=True),
    "timeframe": st.sampled_from(["1h", "4h", "1d"]),
    "initial_cash": st.floats(1, 1e12),
}


def backtests() -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that must start a run, each over few bars."""
    return st.fixed_dictionaries(EXAMPLE_PARTS, optional=OPTIONAL)


def sweeps() -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that must start a sweep, of few trials over few bars."""
    periods = st.lists(st.integers(2, 9), min_size=1, max_size=2, unique=True)
    span = st.fixed_dictionaries({"min": st.just(20), "max": st.integers(21, 40)})
    stop = st.just({"min": 0.01, "max": 0.5, "log": True})
    drawn = st.fixed_dictionaries(
        {"sampler": st.sampled_from(["random", "tpe"]), "trials": st.integers(1, 3)}
    )
    parts = EXAMPLE_PARTS | {
        "strategy_name": st.just("MovingAverageCross"),
        "space": st.fixed_dictionaries(
            {"fast_period": periods, "slow_period": st.lists(st.integers(20, 40), min_size=1)},
        ),
    }
    optional = {name: OPTIONAL[name] for name in ("fee", "cash", "max_drawdown")} | {
        "each_symbol": st.booleans(),
        "objective": st.sampled_from(["sharpe_ratio", "max_drawdown", "total_trades"]),
        "maximize": st.booleans() | st.none(),
        "seed": st.integers(0, 2**32 - 1),
    }
    grid = st.fixed_dictionaries(parts, optional=optional)
    wide = st.fixed_dictionaries({"slow_period": span, "run.stop_loss": stop})
    return grid | st.builds(
        lambda body, how, space: body | how | {"space": space}, grid, drawn, wide
    )


def replays() -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that must start a replay, at any speed; and what one may say of an account."""
    dates = {name: EXAMPLE[name] for name in ("start_date", "end_date")}
    parts = {name: part for name, part in EXAMPLE_PARTS.items() if name not in dates}
    config = st.sampled_from([{}, {"sandbox": True}, {"apiKey": "a", "secret": "b"}])
    replay = st.fixed_dictionaries(
        {name: st.just(value) for name, value in dates.items()},
        optional={"speed": st.sampled_from([0, 1, 1e9])},
    )
    starts = {"mode": st.just("paper"), "replay": replay}
    made = st.fixed_dictionaries(parts | starts, optional=OPTIONAL | {"exchange_config": config})
    return made | st.just(REPLAY_BODY)


def lives(known: Known) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that must start a live run; one at a time."""
    sure = {
        "mode": "live", "confirm_live": True, "strategy_name": "Pulse", "symbols": ["ETH/USDT"],
        "exchange": "wire", "exchange_config": known.config,
    }  # fmt: skip
    parts = {name: st.just(value) for name, value in sure.items()} | {
        "timeframe": st.sampled_from(["1s", "1m"]),
        "initial_cash": st.floats(100, 10_000),
    }
    return st.fixed_dictionaries(parts, optional={"stop_loss": fraction, "daily_loss": fraction})


def manual_orders(known: Known) -> st.SearchStrategy[dict[str, Any]]:
    sure = {"symbol": st.just("BTC/USDT"), "confirm_live": st.just(True)}
    amount = st.sampled_from(["0.001", 0.001, "0.01"])
    where = st.sampled_from([{"run_id": known.live}, {"account_id": known.account}])
    side = st.sampled_from(["buy", "sell"])
    market = st.fixed_dictionaries(sure | {"side": side, "type": st.just("market")})
    limit = st.fixed_dictionaries(
        sure | {"side": st.just("buy"), "type": st.just("limit"), "price": st.integers(100, 9_000)}
    )
    return st.builds(
        lambda place, order, amount: place | order | {"amount": amount},
        where, market | limit, amount,
    )  # fmt: skip


def aimed_at(known: Known) -> dict[str, Aimed]:
    """By operation, what asks for what there is; those of NEEDS_VENUE if there is an account."""
    completed = st.sampled_from([known.completed, known.replay])
    either = st.sampled_from([*known.runs, *([known.live] if known.live else [])])
    asked = st.fixed_dictionaries({}, optional={"run_id": either})
    of_account: dict[str, Any] = {"account_id": st.just(known.account)} if known.account else {}
    page = st.fixed_dictionaries(
        {}, optional={"cursor": st.integers(0, 99), "limit": st.integers(1, 999)}
    )
    events = st.fixed_dictionaries(
        {}, optional={"since": st.integers(0, 9), "limit": st.integers(1, 9)}
    )
    listed = st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from(["completed", "failed", "stopped"]),
            "mode": st.sampled_from(["backtest", "paper", "live"]),
            "strategy_name": st.text("abcXYZ", min_size=1),
            "exchange": st.just("simulated"),
            "symbol": st.just("BTC/USDT"),
            "order": st.sampled_from(sorted(ORDERINGS)),
            "limit": st.integers(1, 500),
        },
    )
    names = st.sampled_from(["BuyAndHold", "TestStrategy", "MomentumRotation"])

    trials = st.fixed_dictionaries(
        {},
        optional={
            "sort": st.sampled_from([*SIGNED, "param:fast_period", "-param:period", "param:"]),
            "segment": st.integers(0, 3),
            "variation": st.integers(0, 3),
            "failed": st.sampled_from(["true", "false"]),
            "limit": st.integers(1, 5_000),
        },
    )
    cells = st.fixed_dictionaries(
        {"x": st.just("fast_period")},
        optional={
            "y": st.just("slow_period"),
            "metric": st.sampled_from(["win_rate", "total_return"]),
            "fixed": st.just('{"slow_period": 30}'),
            "segment": st.integers(0, 3),
            "variation": st.integers(0, 3),
        },
    )

    def of(**parts: st.SearchStrategy[Any]) -> Aimed:
        return st.fixed_dictionaries(parts)

    def optional(**parts: st.SearchStrategy[Any]) -> Aimed:
        return of(query=st.fixed_dictionaries({}, optional=parts))

    a_sweep = st.fixed_dictionaries({"sweep_id": st.just(known.sweep)})
    a_trial = st.fixed_dictionaries(
        {"sweep_id": st.just(known.sweep), "number": st.integers(0, 11)}
    )
    stoppable = st.fixed_dictionaries({"sweep_id": st.sampled_from(known.sweeps)})
    doomed = st.fixed_dictionaries({"sweep_id": st.sampled_from(known.doomed)})
    a_run = st.fixed_dictionaries({"run_id": either})
    stopped = st.fixed_dictionaries(
        {"run_id": st.sampled_from(known.runs)}, optional={"flatten": st.booleans()}
    )
    aimed = {
        "health": of(),
        "meta": of(),
        "status": of(query=asked),
        "status_detailed": of(query=asked),
        "results": of(query=a_run),
        "strategies": of(),
        "strategy": of(path_parameters=st.fixed_dictionaries({"name": names})),
        "check_strategy": of(
            path_parameters=st.fixed_dictionaries({"name": st.just("BuyAndHold")}),
            body=st.sampled_from([{}, {"params": {}}]),
        ),
        "exchanges": optional(all=st.just("true")),
        "run_backtest": of(body=backtests()),
        "run_live": of(body=replays()),
        "run_sweep": of(body=sweeps()),
        "sweeps": optional(limit=st.integers(1, 500)),
        "sweep": of(path_parameters=a_sweep),
        "sweep_trials": of(path_parameters=a_sweep, query=trials),
        "sweep_trial": of(path_parameters=a_trial),
        "run_trial": of(
            path_parameters=a_trial,
            # A paper run goes on.
            body=st.sampled_from([*[{}, {"mode": "backtest"}] * 5, {"mode": "paper"}]),
        ),
        "stop_sweep": of(path_parameters=stoppable, body=st.just({})),
        "delete_sweep": of(path_parameters=doomed),
        "sweep_heatmap": of(path_parameters=a_sweep, query=cells),
        "sweep_equity": of(
            path_parameters=a_sweep,
            query=st.fixed_dictionaries({}, optional={"points": st.integers(6, 10_000)}),
        ),
        "run_stop": of(body=stopped),
        "run_reset": of(),
        "runs": of(query=listed),
        "run": of(path_parameters=a_run),
        "run_events": of(path_parameters=a_run, query=events),
        "run_drift": of(path_parameters=st.fixed_dictionaries({"run_id": st.just(known.replay)})),
        "run_artifacts": of(path_parameters=a_run),
        "run_artifact": of(
            path_parameters=st.fixed_dictionaries(
                {"run_id": completed, "name": st.sampled_from(TABLES)}
            )
        ),
        **{f"run_{name}": of(path_parameters=a_run, query=page) for name in TABLES},
        **{
            name: of(query=asked) | optional(**of_account)
            for name in ("balance", "positions", "orders")
        },
        "accounts": of(),
        "discrepancies": optional(open=st.sampled_from(["true", "false"]), **of_account),
    }
    return aimed | (_at_a_venue(known, of) if known.account else {})


def _at_a_venue(known: Known, of: Any) -> dict[str, Aimed]:
    """Of an order and of a discrepancy, whoever sends it fills in the name of one."""
    at = st.fixed_dictionaries({"account_id": st.sampled_from([known.account, known.spare])})
    spare = st.fixed_dictionaries({"account_id": st.just(known.spare)})
    steps = st.lists(st.sampled_from(list(STEPS)), min_size=1, unique=True)
    switch = st.fixed_dictionaries({}, optional={"steps": steps, "reason": st.text("abc é")})
    return {
        "account": of(path_parameters=at),
        "account_kill": of(path_parameters=spare, body=switch),
        "account_release": of(path_parameters=spare, body=st.just({"confirm": True})),
        "order": of(),
        "place_order": of(body=manual_orders(known)),
        "cancel_order": of(),
        "resolve_discrepancy": of(
            body=st.fixed_dictionaries({"action": st.sampled_from(["ignore", "close"])})
        ),
        "run_live, live": of(body=lives(known)),
    }
