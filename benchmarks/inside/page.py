"""Measures the public page with the incidents of a Statuspage site: `python -m benchmarks.inside.page FILE`.

FILE is what a site serves under /api/v2/incidents.json; its times are moved so that the newest incident began a day ago.
Printed are how many bytes a browser gets at its first look, compressed as they are served, and how long the first byte of
the page takes by the clock: when it has to be made, and when it is shared, over a kept connection and over a new one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import cores
from benchmarks.home import Home
from benchmarks.load.http import Answers
from benchmarks.servers import OURS, SERVERS, running
from incident_room import domain, schema
from watchword.domain import Mount

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
FILE = re.compile(rb'(?:src|href)="(assets/[^"]+)"')
LENGTH = re.compile(rb"content-length: (\d+)\r\n")
REQUEST = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: {}\r\n\r\n"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inside.page", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--times", type=int, default=1_000)
    options = parser.parse_args()
    cores.prepare()
    with tempfile.TemporaryDirectory() as folder:
        home = asyncio.run(Home.make(Path(folder), Mount(schema, domain)))
        file = Path(folder, "moved.json")
        file.write_bytes(moved(options.file.read_bytes(), datetime.now(UTC)))
        command = [str(OURS), "-m", "watchword", "import", "statuspage", str(file)]
        subprocess.run(command, env=home.environment(), check=True, stdout=subprocess.DEVNULL)
        with running(SERVERS["shared-sqlite"], home) as serving:
            _measure(serving.port, options.times)


def moved(content: bytes, now: datetime) -> bytes:
    """Return a file whose newest incident began a day ago."""
    text = content.decode()
    newest = max(each["created_at"] for each in json.loads(text)["incidents"])
    by = now - timedelta(days=1) - datetime.fromisoformat(newest)
    return MOMENT.sub(
        lambda found: (datetime.fromisoformat(found[0]) + by).isoformat(), text
    ).encode()


def _measure(port: int, times: int) -> None:
    kept = _connected(port)
    made, _ = _asked(kept, "/")
    print(f"made, by a server that has just begun: the first byte after {1_000 * made:.1f} ms")
    _, page = _asked(kept, "/", "identity")
    sizes = {name: len(_asked(kept, name)[1]) for name in ("/", *_files(page))}
    for name, size in sizes.items():
        print(f"{name}: {size:,} bytes")
    print(f"all: {sum(sizes.values()):,} bytes; the page is {len(page):,} before it is compressed")
    _print("shared, on a kept connection", [_asked(kept, "/")[0] for _ in range(times)])
    _print("shared, on a new connection", [_first(port) for _ in range(times)])
    kept.close()


def _files(page: bytes) -> list[str]:
    return [f"/{name.decode()}" for name in FILE.findall(page)]


def _print(what: str, seconds: list[float]) -> None:
    answers = Answers(seconds)
    half, most, last = (1_000 * answers.quantile(share) for share in (0.5, 0.95, 1))
    print(f"{what}: the first byte after {half:.2f} ms ({most:.2f} at the 95th percentile, {last:.2f} at most)")  # fmt: skip


def _first(port: int) -> float:
    began = time.perf_counter()
    with _connected(port) as connection:
        connected = time.perf_counter() - began
        return connected + _asked(connection, "/")[0]


def _connected(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), 10)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _asked(connection: socket.socket, path: str, accepted: str = "gzip") -> tuple[float, bytes]:
    """Ask for a path; return the seconds until the first byte, and the body as it was sent."""
    began = time.perf_counter()
    connection.sendall(REQUEST.format(path, accepted).encode())
    answer = connection.recv(1 << 18)
    took = time.perf_counter() - began
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(1 << 18)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = LENGTH.search(head.lower() + b"\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    assert length is not None, head
    while len(body) < int(length[1]):
        body += connection.recv(1 << 18)
    return took, body


if __name__ == "__main__":
    main()
