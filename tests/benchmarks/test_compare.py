"""A run stops before it measures if a server answers otherwise than the others, whatever it is asked."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from benchmarks import run
from benchmarks.compare import Different, compare
from benchmarks.growth import SWEEPS
from benchmarks.home import PEERS, Home
from benchmarks.measures import ALL, MEASURES
from benchmarks.operations import COMMIT, MUTATION, VIEWER, Subscription
from benchmarks.run import Run
from benchmarks.servers import FLOORS, SERVERS, Running

APP = PEERS / "python"
# What is changed in the app of Strawberry, by the measure that must notice it.
FAULTS = {
    "viewer": ("name=person.name, roles", 'name="X", roles'),
    "list": ("data.services[each] for", "data.services['s1'] for"),
    "large": ("self.posted[:first]", "self.posted[1:first]"),
    "mutation": ('id="new", body=body', 'id="old", body=body'),
    "event-1000": ("            yield update\n", '            yield made(update.body, "i4")\n'),
    "event-1000-personal": ('"visibility": mine', '"visibility": "PUBLIC"'),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return asyncio.run(Home.make(tmp_path_factory.mktemp("home")))


@contextmanager
def answering(home: Home, name: str, answers: list[str]) -> Iterator[Running]:
    """A server that gives these answers, one after the other."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = answers.pop(0).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        process: Any = None
        yield Running(SERVERS[name], home, server.server_port, process)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_answers_are_compared_at_each_use(home: Home) -> None:
    good, bad = '{"data": {"viewer": 1}}', '{"data": {"viewer": 2}}'
    with ExitStack() as stack:
        first = stack.enter_context(answering(home, "watchword", [good] * 6))
        other = stack.enter_context(answering(home, "yoga", [good] * 5 + [bad]))
        compare([first, other], VIEWER, set())
        with pytest.raises(Different, match="yoga answers viewer differently from watchword"):
            compare([first, other], VIEWER, set())
    assert (home.path / "viewer.json").read_text() == good


def test_an_operation_that_peers_lack_is_compared_with_the_like_of_theirs(home: Home) -> None:
    ours = ['{"data": {"commitUpdate": {"id": "new"}}}'] * 6
    theirs = ['{"data": {"postUpdate": {"id": "new"}}}'] * 3
    theirs += ['{"data": {"postUpdate": {"id": "old"}}}'] * 3
    with ExitStack() as stack:
        first = stack.enter_context(answering(home, "watchword", ours))
        other = stack.enter_context(answering(home, "yoga", theirs))
        compare([first, other], COMMIT, {"watchword"})
        with pytest.raises(Different, match="yoga answers commit differently from watchword"):
            compare([first, other], COMMIT, {"watchword"})
    assert COMMIT.like == MUTATION


def test_everything_that_servers_are_asked_is_compared() -> None:
    sweeps = [measure for sweep in SWEEPS for measure in sweep.measures().values()]
    measures = [*ALL, *sweeps]
    made = Run({"": None, "sqlite": None, "postgresql": None}, list(SERVERS), measures, 1, 1, 0)  # type: ignore[dict-item]
    compared = [asked for place in made.homes for asked in made._asked(place)]
    needed = made._needed()
    for measure in measures:
        assert measure.asked is None or measure.asked in compared, measure.name
        assert set(measure.servers) <= {*needed, *FLOORS}, measure.name
    assert [each for each in sweeps if each.asked is None] == [*SWEEPS[-1].measures().values()]


@pytest.fixture
def altered(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], None]:
    """Change a text in Strawberry's app, as the benchmark starts it."""

    def change(old: str, new: str) -> None:
        for path in APP.glob("*.py"):
            shutil.copy(path, tmp_path)
        app = tmp_path / "strawberry_app.py"
        assert old in app.read_text()
        app.write_text(app.read_text().replace(old, new))
        server = SERVERS["strawberry"]

        def command(port: int) -> list[str]:
            return [str(tmp_path) if each == str(APP) else each for each in server.command(port)]

        monkeypatch.setitem(run.SERVERS, "strawberry", replace(server, command=command))

    return change


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", FAULTS)
def test_a_peer_with_another_answer_stops_the_run(
    name: str, home: Home, altered: Callable[[str, str], None]
) -> None:
    altered(*FAULTS[name])
    asked = MEASURES[name].asked
    told = asked.query[:20] if isinstance(asked, Subscription) else name
    made = Run({"": home}, ["watchword", "strawberry"], [MEASURES[name]], 1, 0.01, 0)
    with pytest.raises(Different, match=f"strawberry answers {told}"):
        made.measure()
    assert not made.samples.by_measure
