"""A TCP proxy with faults, to be put between a client and a desk.

As a part of a test:

    with Proxy("127.0.0.1", desk.port) as proxy:
        proxy.faults.append(Fault.cut_answer(0))     # of the next connection
        httpx.get(f"http://127.0.0.1:{proxy.port}/api/v1/health")

and as a command, for tests in other languages:

    python -m tests.sdk.proxy --upstream 127.0.0.1:8000 --cut-every 300-3000 --seed 1

which prints its port, takes one command a line on standard input (`cut_answer 0`,
`refuse`, `cut_all`, `count` …; see --help), answers each with a line of JSON, and
ends with its input.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

CHUNK = 65_536


@dataclass(frozen=True)
class Fault:
    """What happens to one connection.  Bytes are counted of what the server sends."""

    refuse: bool = False
    """Reset as soon as it is accepted."""
    cut_request: bool = False
    """Reset when the first request has come, before the server hears of it."""
    cut_after: int | None = None
    """Reset after so many bytes of the server's: 0 loses the answer to what the server has done."""
    stall_after: int | None = None
    """Open, but silent from there on."""
    delay: float = 0.0
    """Seconds that each chunk of the server's is held back."""

    @classmethod
    def cut_answer(cls, after: int = 0) -> Fault:
        return cls(cut_after=after)

    @classmethod
    def stall(cls, after: int = 0) -> Fault:
        return cls(stall_after=after)


NONE = Fault()


class Proxy:
    """Listens on `port` of 127.0.0.1.  `faults` are those of the next connections, in turn."""

    def __init__(
        self,
        host: str,
        port: int,
        cut_every: tuple[int, int] | None = None,
        seed: int = 0,
        at_most: int | None = None,
    ) -> None:
        """`cut_every`: each connection without a fault of its own is cut after a random number of
        bytes between these two, `at_most` so often in all.
        """
        self.upstream = (host, port)
        self.cut_every, self.left = cut_every, at_most
        self.faults: deque[Fault] = deque()
        self.connections = 0
        self.cuts = 0
        self.stalls = 0
        self._choose = random.Random(seed)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._closing = False
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Proxy:
        self._spawn(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._closing = True
        self.cut_all()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def cut_all(self) -> int:
        """Resets every connection that is open; how many there were."""
        with self._lock:
            found = list(self._open)
        for client in found:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        return len(found)

    def told(self) -> dict[str, int]:
        return {"connections": self.connections, "cuts": self.cuts, "stalls": self.stalls}

    def _spawn(self, work: Any, *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._closing:
                client.close()
                return
            self.connections += 1
            self._spawn(self._serve, client, self._next_fault())

    def _next_fault(self) -> Fault:
        if self.faults:
            return self.faults.popleft()
        if self.cut_every is None or self.left == 0:
            return NONE
        if self.left is not None:
            self.left -= 1
        return Fault.cut_answer(self._choose.randint(*self.cut_every))

    def _serve(self, client: socket.socket, fault: Fault) -> None:
        if fault.refuse:
            self._reset(client)
            return
        with contextlib.ExitStack() as stack:
            stack.callback(client.close)
            try:
                server = socket.create_connection(self.upstream, 5)
            except OSError:
                self._reset(client)
                return
            stack.callback(server.close)
            with self._lock:
                self._open.add(client)
            try:
                self._pump(client, server, fault)
            except OSError:
                pass
            finally:
                with self._lock:
                    self._open.discard(client)

    def _pump(self, client: socket.socket, server: socket.socket, fault: Fault) -> None:
        sent = 0
        limits = [n for n in (fault.cut_after, fault.stall_after) if n is not None]
        while not self._closing:
            ready, _, _ = select.select([client, server], [], [], 0.2)
            if client in ready:
                asked = client.recv(CHUNK)
                if not asked:
                    return
                if fault.cut_request:
                    self._reset(client)
                    return
                server.sendall(asked)
            if server not in ready:
                continue
            answered = server.recv(CHUNK)
            if not answered:
                return
            if fault.delay:
                time.sleep(fault.delay)
            if limits and sent + len(answered) > limits[0]:
                client.sendall(answered[: max(limits[0] - sent, 0)])
                if fault.cut_after is not None:
                    self._reset(client)
                else:
                    self._hold(client)
                return
            client.sendall(answered)
            sent += len(answered)

    def _hold(self, client: socket.socket) -> None:
        """Until the client gives up."""
        self.stalls += 1
        while not self._closing:
            ready, _, _ = select.select([client], [], [], 0.2)
            if ready and not client.recv(CHUNK):
                return

    def _reset(self, client: socket.socket) -> None:
        """With RST, as a connection goes that is lost."""
        self.cuts += 1
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


def _obey(proxy: Proxy, line: str) -> dict[str, Any]:
    word, *args = line.split()
    number = float(args[0]) if args else 0.0
    faults = {
        "refuse": Fault(refuse=True),
        "cut_request": Fault(cut_request=True),
        "cut_answer": Fault.cut_answer(int(number)),
        "stall": Fault.stall(int(number)),
        "delay": Fault(delay=number),
        "none": NONE,
    }
    if word in faults:
        proxy.faults.append(faults[word])
    elif word == "cut_all":
        return {"cut": proxy.cut_all()}
    elif word != "count":
        return {"error": f"of {', '.join([*faults, 'cut_all', 'count'])}"}
    return proxy.told()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sdk.proxy",
        description="A TCP proxy with faults; prints its port.",
        epilog=(
            "Commands on standard input, each answered by a line of JSON: 'refuse', 'cut_request', "
            "'cut_answer BYTES', 'stall BYTES', 'delay SECONDS' and 'none' are for the next "
            "connection (several queue up); 'cut_all' resets those that are open; 'count' tells "
            "how many connections, cuts and stalls there were."
        ),
    )
    parser.add_argument("--upstream", required=True, metavar="HOST:PORT")
    parser.add_argument("--cut-every", metavar="MIN-MAX", help="bytes after which each is cut")
    parser.add_argument("--at-most", type=int, metavar="N", help="so many random cuts in all")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    host, _, port = args.upstream.rpartition(":")
    bounds = None
    if args.cut_every:
        low, _, high = args.cut_every.partition("-")
        bounds = (int(low), int(high or low))
    with Proxy(host, int(port), bounds, args.seed, args.at_most) as proxy:
        print(proxy.port, flush=True)
        for line in sys.stdin:
            if line.strip():
                print(json.dumps(_obey(proxy, line)), flush=True)


if __name__ == "__main__":
    main()
