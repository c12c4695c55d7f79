"""Many subscribers over graphql-transport-ws on one epoll, and one connection that publishes.

Events say in their body when they were published (`T` and 20 digits, monotonic nanoseconds); the clock is
the same for all processes of a machine.
"""

from __future__ import annotations

import json
import select
import socket
import time

from benchmarks.load.http import Connection, request
from benchmarks.operations import publishing

SIZE = 1 << 16
# Connections that may be opening at once: more would overflow the backlogs of some servers.
OPENING = 256
# Seconds without any news after which a server counts as stuck, and as quiet, and after which an event
# has reached all that had subscribed.
PATIENCE = 60.0
QUIET = 0.3
PAUSE = 0.1
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a client's frame (RFC 6455, section 5.2), masked with zeros, which changes nothing."""
    size = len(payload)
    length = bytes([128 | size]) if size < 126 else bytes([254]) + size.to_bytes(2, "big")
    return bytes([128 | opcode]) + length + bytes(4) + payload


def message(**content: object) -> bytes:
    """Return the frame of a message of graphql-transport-ws."""
    return frame(TEXT, json.dumps(content, separators=(",", ":")).encode())


class Subscriber:
    """One connection with one subscription."""

    __slots__ = ("is_live", "is_upgraded", "query", "rest", "socket", "token")

    def __init__(self, port: int, token: str, query: str) -> None:
        self.token, self.query = token, query
        self.rest = b""
        self.is_upgraded = self.is_live = False
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(UPGRADE)

    def upgraded(self, data: bytes) -> bytes:
        """Send the token once the upgrade was answered; return what came after the answer's head."""
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            self.rest = data
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(f"a socket was refused: {data[:200]!r}")
        self.is_upgraded = True
        authorization = f"Bearer {self.token}"
        self.socket.sendall(
            message(type="connection_init", payload={"authorization": authorization})
        )
        return rest

    def subscribe(self) -> None:
        self.socket.sendall(message(id="s", type="subscribe", payload={"query": self.query}))


class Crowd:
    """Subscribers of one server. `late` holds how late events came, in seconds, while `is_timing`."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self.delivered = self.acknowledged = self.live = 0
        self.is_timing = False
        self.late: list[float] = []
        self._port, self._tokens = port, tokens
        self._poll = select.epoll()
        self._subscribers: dict[int, Subscriber] = {}
        self._publisher: Connection | None = None

    def connect(self, queries: list[str]) -> None:
        """Connect a subscriber for each query; return when all are acknowledged and have subscribed."""
        began = self.acknowledged
        for number, query in enumerate(queries):
            while len(self._subscribers) - self.acknowledged >= OPENING:
                self._turn()
            token = self._tokens[number % len(self._tokens)]
            subscriber = Subscriber(self._port, token, query)
            self._subscribers[subscriber.socket.fileno()] = subscriber
            self._poll.register(subscriber.socket, select.EPOLLIN)
            self._turn(0)
        while self.acknowledged < began + len(queries):
            self._turn()

    def go_live(self) -> None:
        """Publish until each subscriber has received an event."""
        size = len(self._subscribers)
        while self.live < size:
            self.publish(1)
            while self.live < size and self._turn(PAUSE):
                pass
        self.rest()

    def rest(self) -> None:
        """Return when nothing has come for a while."""
        while self._turn(QUIET):
            pass

    def hear(self, times: int, rate: float = 0) -> None:
        """Publish events, `rate` a second or at once, and return when all subscribers have them."""
        goal = self.delivered + times * len(self._subscribers)
        self.publish(times, rate)
        while self.delivered < goal or self._publisher:
            self._turn(PATIENCE, is_needed=True)

    def publish(self, times: int, rate: float = 0) -> None:
        """Send the mutation that publishes events, after the answer of the one before."""
        while self._publisher:
            self._turn(PATIENCE, is_needed=True)
        # A connection for each: servers close those on which nothing is asked for seconds.
        asked = iter([request(publishing(times, rate), self._tokens[0])])
        self._publisher = Connection(self._port, asked)
        self._poll.register(self._publisher.socket, select.EPOLLIN)
        self._publisher.send()

    def close(self) -> None:
        """Close all connections."""
        for subscriber in self._subscribers.values():
            subscriber.socket.close()
        self._poll.close()

    def _turn(self, seconds: float = PATIENCE, is_needed: bool = False) -> bool:
        """Handle what has come; wait for it at most so long. Returns whether anything came.

        Raises `RuntimeError` if it is needed and did not come.
        """
        ready = self._poll.poll(seconds)
        if not ready and (is_needed or seconds == PATIENCE):
            raise RuntimeError(f"nothing came for {seconds:.0f} seconds")
        for number, _ in ready:
            subscriber = self._subscribers.get(number)
            if subscriber is not None:
                self._read(subscriber)
            elif self._publisher and self._publisher.receive() is not None:
                self._publisher.close()
                self._publisher = None
        return bool(ready)

    def _read(self, subscriber: Subscriber) -> None:
        data = subscriber.socket.recv(SIZE)
        if not data:
            raise RuntimeError("a socket was closed")
        if subscriber.rest:
            data, subscriber.rest = subscriber.rest + data, b""
        if not subscriber.is_upgraded:
            data = subscriber.upgraded(data)
        at, end = 0, len(data)
        while end - at >= 2:
            start, size = at + 2, data[at + 1]
            if size == 126:
                start, size = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
            elif size == 127:
                start, size = at + 10, int.from_bytes(data[at + 2 : at + 10], "big")
            if start + size > end:
                break
            self._take(subscriber, data[at] & 15, data[start : start + size])
            at = start + size
        if at < end:
            subscriber.rest = data[at:]

    def _take(self, subscriber: Subscriber, opcode: int, payload: bytes) -> None:
        stamp = payload.find(b'"T') if opcode == TEXT else -1
        if stamp < 0:
            self._take_other(subscriber, opcode, payload)
            return
        self.delivered += 1
        if self.is_timing:
            published = int(payload[stamp + 2 : stamp + 22])
            self.late.append((time.monotonic_ns() - published) / 1e9)
        if not subscriber.is_live:
            subscriber.is_live = True
            self.live += 1

    def _take_other(self, subscriber: Subscriber, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            subscriber.socket.sendall(frame(PONG, payload))
        elif b'"connection_ack"' in payload:
            self.acknowledged += 1
            subscriber.subscribe()
        elif b'"ping"' in payload:
            subscriber.socket.sendall(message(type="pong"))
        else:
            raise RuntimeError(f"a subscriber heard {payload[:300]!r}")
