"""The look-alike's signed endpoints: orders, trades, the account."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any

from .ledger import Ledger
from .market import SpotMarket
from .orders import ZERO, Account, Order
from .reading import OrderRequest, check_client_id, read_order, rules_of, whole
from .rules import VenueRefusal, text
from .signing import Call, Endpoint, KeyCheck
from .tickers import Tickers

_DAY_MS = 86_400_000
_DEFAULT_LIMIT, _MOST = 500, 1000
NOT_FOUND = "Order does not exist."


class Spot:
    def __init__(self, market: SpotMarket, ledger: Ledger, keys: KeyCheck) -> None:
        self.market, self.ledger, self.keys = market, ledger, keys

    def routes(self) -> dict[tuple[str, str], tuple[str, Endpoint]]:
        """By method and path.  They want the ledger's lock."""
        return {
            ("POST", "/api/v3/order"): ("newOrder", self.new_order),
            ("POST", "/api/v3/order/test"): ("testOrder", self.test_order),
            ("GET", "/api/v3/order"): ("queryOrder", self.query_order),
            ("DELETE", "/api/v3/order"): ("cancelOrder", self.cancel_order),
            ("GET", "/api/v3/openOrders"): ("openOrders", self.open_orders),
            ("DELETE", "/api/v3/openOrders"): ("cancelOpenOrders", self.cancel_open_orders),
            ("GET", "/api/v3/allOrders"): ("allOrders", self.all_orders),
            ("GET", "/api/v3/myTrades"): ("myTrades", self.my_trades),
            ("GET", "/api/v3/account"): ("account", self.account),
            ("GET", "/sapi/v1/account/apiRestrictions"): ("apiRestrictions", self.restrictions),
            ("GET", "/sapi/v1/capital/config/getall"): ("currencies", self.currencies),
            ("GET", "/sapi/v1/asset/tradeFee"): ("tradeFee", self.trade_fee),
            ("GET", "/sapi/v1/margin/allPairs"): ("marginPairs", lambda call: []),
            ("GET", "/sapi/v1/margin/isolated/allPairs"): ("marginPairs", lambda call: []),
        } | Tickers(self.market.rules, self.ledger.prices).routes()

    # --- orders ---

    def new_order(self, call: Call) -> Any:
        try:
            account = self.keys.admit(call, "trade")
            request = read_order(call.params, rules_of(call.params, self.market.rules))
        except VenueRefusal as refusal:
            self._refuse(call, refusal)
            raise
        order = self.ledger.post(account, request, call.source, *call.signing())
        kind = call.params.get("newOrderRespType", "FULL")
        mine = [t for t in self.ledger.trades(account.name) if t.order_id == order.id]
        return order.answer(kind, mine)

    def test_order(self, call: Call) -> Any:
        read_order(call.params, rules_of(call.params, self.market.rules))
        self.keys.admit(call, "trade")
        return {}

    def query_order(self, call: Call) -> Any:
        account = self.keys.admit(call)
        order = self._named(call, account)
        if order is None or time.monotonic() < order.invisible_until:
            raise VenueRefusal(-2013, NOT_FOUND)
        return order.row()

    def cancel_order(self, call: Call) -> Any:
        account = self.keys.admit(call, "trade")
        order = self._named(call, account)
        if order is None:
            raise VenueRefusal(-2011, "Unknown order sent.")
        cancel_id = call.params.get("newClientOrderId") or secrets.token_urlsafe(16)
        check_client_id(cancel_id, "newClientOrderId")
        return self.ledger.cancel(order).canceled(cancel_id)

    def cancel_open_orders(self, call: Call) -> Any:
        account = self.keys.admit(call, "trade")
        symbol = rules_of(call.params, self.market.rules).id
        mine = [o for o in self.ledger.open_orders(account.name) if o.symbol == symbol]
        if not mine:
            raise VenueRefusal(-2011, "Unknown order sent.")
        return [self.ledger.cancel(o).canceled(secrets.token_urlsafe(16)) for o in mine]

    def open_orders(self, call: Call) -> Any:
        return [order.row() for order in self._seen(call) if order.is_open]

    def all_orders(self, call: Call) -> Any:
        rules_of(call.params, self.market.rules)
        orders = self._seen(call)
        if "orderId" in call.params:
            first = whole(call.params, "orderId")
            return [o.row() for o in orders if o.id >= first][: _limit(call)]
        low, high = _range(call)
        found = [o for o in orders if low <= o.created_ms <= high]
        page = found[: _limit(call)] if "startTime" in call.params else found[-_limit(call) :]
        return [order.row() for order in page]

    def my_trades(self, call: Call) -> Any:
        symbol = rules_of(call.params, self.market.rules).id
        account = self.keys.admit(call)
        self.ledger.settle()
        low, high = _range(call)
        if "fromId" in call.params and ("startTime" in call.params or "endTime" in call.params):
            raise VenueRefusal(-1128, "Combination of optional parameters invalid.")
        order_id, first = whole(call.params, "orderId", 0), whole(call.params, "fromId", 0)
        now = time.monotonic()
        found = [
            trade
            for trade in self.ledger.trades(account.name, symbol)
            if low <= trade.time_ms <= high
            and trade.id >= first
            and order_id in (0, trade.order_id)
            and now >= trade.invisible_until
        ]
        forwards = "startTime" in call.params or "fromId" in call.params
        page = found[: _limit(call)] if forwards else found[-_limit(call) :]
        return [trade.row() for trade in page for _ in range(trade.listed)]

    # --- the account ---

    def account(self, call: Call) -> Any:
        account = self.keys.admit(call)
        rates = text(account.fee)
        assets = {a for rules in self.market.rules.values() for a in rules.symbol.split("/")}
        balances = dict.fromkeys(sorted(assets), (ZERO, ZERO)) | self.ledger.balances(account.name)
        return {
            "makerCommission": int(account.fee * 10_000),
            "takerCommission": int(account.fee * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": rates,
                "taker": rates,
                "buyer": "0.00000000",
                "seller": "0.00000000",
            },
            "canTrade": account.can_trade,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self.market.now_ms(),
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": text(free), "locked": text(held)}
                for asset, (free, held) in balances.items()
            ],
            "permissions": ["SPOT"],
            "uid": int(hashlib.sha256(account.name.encode()).hexdigest()[:8], 16),
        }

    def restrictions(self, call: Call) -> Any:
        account = self.keys.admit(call)
        return {
            "ipRestrict": False,
            "createTime": 1_704_067_200_000,
            "enableReading": account.can_read,
            "enableWithdrawals": account.can_withdraw,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": account.may_trade,
            "enablePortfolioMarginTrading": False,
        }

    def trade_fee(self, call: Call) -> Any:
        fee = text(self.keys.admit(call).fee)
        return [
            {"symbol": id_, "makerCommission": fee, "takerCommission": fee}
            for id_ in self.market.rules
            if call.params.get("symbol") in (None, id_)
        ]

    def currencies(self, call: Call) -> Any:
        self.keys.admit(call)
        assets = {a for rules in self.market.rules.values() for a in rules.symbol.split("/")}
        return [
            {"coin": asset, "name": asset, "trading": True, "networkList": []}
            for asset in sorted(assets)
        ]

    def _refuse(self, call: Call, refusal: VenueRefusal) -> None:
        """Notes an order that was turned away before the ledger saw it."""
        account = self.ledger.account_of(call.key)
        symbol, side, kind = (call.params.get(name, "") for name in ("symbol", "side", "type"))
        sent = OrderRequest(symbol, side, kind, client_id=call.params.get("newClientOrderId", ""))
        name = account.name if account else ""
        self.ledger.note_refusal(refusal, name, sent, call.source, *call.signing())

    def _named(self, call: Call, account: Account) -> Order | None:
        symbol = rules_of(call.params, self.market.rules).id
        client_id = call.params.get("origClientOrderId")
        if client_id is None and "orderId" not in call.params:
            raise VenueRefusal(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        order_id = whole(call.params, "orderId") if "orderId" in call.params else None
        self.ledger.settle()
        return self.ledger.find(account.name, symbol, order_id, client_id)

    def _seen(self, call: Call) -> list[Order]:
        account = self.keys.admit(call)
        symbol = rules_of(call.params, self.market.rules).id if "symbol" in call.params else None
        self.ledger.settle()
        now = time.monotonic()
        orders = self.ledger.orders(account.name, symbol)
        return [order for order in orders if now >= order.invisible_until]


def _limit(call: Call) -> int:
    return min(whole(call.params, "limit", _DEFAULT_LIMIT), _MOST)


def _range(call: Call) -> tuple[int, int]:
    """Raises -1127 for more than a day."""
    low, high = whole(call.params, "startTime", 0), whole(call.params, "endTime", 1 << 60)
    if "startTime" in call.params and "endTime" in call.params and high - low > _DAY_MS:
        raise VenueRefusal(-1127, "More than 24 hours between startTime and endTime.")
    return low, high
