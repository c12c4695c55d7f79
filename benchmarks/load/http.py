"""Sends requests over keep-alive connections, one at a time on each, and takes the time of each answer.

It is written on epoll and plain sockets, so that it needs less of its core than a server needs of its own.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

SIZE = 1 << 18
# Seconds without any answer after which a server counts as stuck.
PATIENCE = 60.0


def request(body: bytes, token: str = "") -> bytes:
    """Return the bytes of a GraphQL request, with a bearer token if there is one."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}"
        "Accept: application/json\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Answers:
    """The answers of one measurement: their number, and the time of each in seconds."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.times)

    def quantile(self, share: float) -> float:
        """Return the time within which this share of the answers came, in seconds."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Connection:
    """A keep-alive connection that has one request under way."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self._requests = requests
        self._parts = bytearray()
        self._due = 0

    def send(self) -> None:
        """Send the next request."""
        self._parts.clear()
        self._due = 0
        self.sent_at = time.perf_counter()
        self.socket.sendall(next(self._requests))

    def receive(self) -> bytes | None:
        """Read what has come; return the answer's body when it is whole.

        Raises `RuntimeError` if the answer is not 200, or has errors.
        """
        data = self.socket.recv(SIZE)
        if not data:
            raise RuntimeError("the server closed a connection")
        self._parts += data
        if not self._due:
            self._due = whole(self._parts)
        if not self._due or len(self._parts) < self._due:
            return None
        return checked(bytes(self._parts[: self._due]))

    def close(self) -> None:
        self.socket.close()


def whole(answer: bytearray) -> int:
    """Return the size of an answer from its head on; 0 as long as the head is not whole.

    Raises `RuntimeError` if the head does not tell a length: every measured server sends one.
    """
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = bytes(answer[:end]).lower()
    _, found, length = head.partition(b"\r\ncontent-length:")
    if not found:
        raise RuntimeError(f"an answer has no length: {head[:200]!r}")
    return end + 4 + int(length.partition(b"\r\n")[0])


def checked(answer: bytes) -> bytes:
    """Return the body of an answer. Raises `RuntimeError` if it is not 200, or has errors."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or b'"errors":' in body:
        raise RuntimeError(f"the server answered {answer[:600]!r}")
    return body


def ask(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Answers:
    """Send requests over so many connections for so long, and return the answers' times."""
    answers, poll = Answers(), select.epoll()
    by_number: dict[int, Connection] = {}
    began = time.perf_counter()
    for _ in range(connections):
        connection = Connection(port, requests)
        by_number[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
        connection.send()
    while by_number:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise RuntimeError("the server does not answer any more")
        for number, _ in ready:
            connection = by_number[number]
            if connection.receive() is None:
                continue
            now = time.perf_counter()
            answers.times.append(now - connection.sent_at)
            if now - began < seconds:
                connection.send()
            else:
                by_number.pop(number).close()
    poll.close()
    answers.seconds = time.perf_counter() - began
    return answers


def once(port: int, body: bytes, token: str) -> bytes:
    """Send one request, and return the body of its answer."""
    connection = Connection(port, iter([request(body, token)]))
    connection.send()
    while (answer := connection.receive()) is None:
        pass
    connection.close()
    return answer
