"""Events as they happen, to any number of WebSocket clients.

`tail` follows the table of Events in a thread of its own; `hub` hands what it
finds to the connections of this process; a `connection` tells each client what
it has subscribed to.  The database is the only buffer: whoever falls behind,
or was away, is told from there (`reads`), so memory stays flat and nothing is
lost, doubled or out of order.  docs/websocket.md is the contract.
"""
