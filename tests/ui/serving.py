"""The desk's web server on a thread of the test's own process, WebSocket and all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def served() -> Iterator[str]:
    """The URL of it.  Requests see the settings and the database of the test that runs."""
    import uvicorn

    from cracktrader_site import http_protocol, websocket_protocol
    from cracktrader_site.asgi import application

    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        http=http_protocol.Bounded,
        ws=websocket_protocol.Bounded,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
