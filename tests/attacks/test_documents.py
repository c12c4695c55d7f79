"""Documents that ask for too much are refused over every transport, within bounds, and the server answers as before.

The cases are those of OWASP's GraphQL cheat sheet, of graphql-cop (overloading by aliases, directives, batches and circular
introspection; GET and form requests), of graphql-armor (characters, tokens, aliases, depth, directives, cost), and
variants of them; guesses of names are in test_guesses.py. What is
bounded: the code, the bytes of the answer (no amplification), the resolvers that ran (none), what is kept of
the document (nothing), and the memory of the process.
"""

from __future__ import annotations

import gc
import json
import os
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conformance.test_operations import every_transport, first
from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server
from tests.support.work import calls_in
from watchword.config.settings import Settings
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.plan import Refused

COMPLEX, BAD = "TOO_COMPLEX", "BAD_USER_INPUT"
# Functions that are called while a document is refused: with so many, that takes tens of milliseconds.
MOST_CALLS = 250_000
# An answer to an attack may be at most this long, whatever was sent, and the process may keep at most so much of it.
LONGEST_ANSWER = 10_000
MOST_KEPT = 32_000_000
# Bytes that a process allocates at most while it refuses a document, and while it reads and answers a request.
MOST_PEAK = 8_000_000


def nested(levels: int, opening: str, inner: str = "id", closing: str = "}") -> str:
    return opening * levels + inner + closing * levels


def doubling(levels: int, spread: str, last: str) -> str:
    """Return fragments of which each has the next one twice."""
    fragments = " ".join(
        f"fragment F{n} on Toy {{ {spread.replace('F', f'F{n + 1}')} }}" for n in range(levels)
    )
    return f"{{ toy(id: 1) {{ ...F0 }} }} {fragments} fragment F{levels} on Toy {{ {last} }}"


INTROSPECTION = "{ __schema { types { " + nested(12, "fields { type { ", "name", "} } ") + "} } }"
DOCUMENTS: dict[str, tuple[str, str]] = {
    "deep fields": ("{ toy(id: 1) {" + nested(150, "inner {") + "} }", COMPLEX),
    "very deep fields": ("{ toy(id: 1) {" + nested(960, "inner {") + "} }", BAD),
    "deep inline fragments": ("{" + nested(640, "... {", "hello") + "}", BAD),
    "deep named fragments": (
        "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(220))
        + "fragment F220 on Query { a: hello @skip(if: false) }",
        BAD,
    ),
    "deep lists in a literal": ("{ hello(name: " + nested(900, "[", "1", "]") + ") }", BAD),
    "deep objects in a literal": ("{ hello(name: " + nested(600, "{a:", "1", "}") + ") }", BAD),
    "deep lists in a type": ("query ($a: " + nested(950, "[", "Int", "]") + ") { hello }", BAD),
    "many aliases": ("{" + " ".join(f"a{n}: hello" for n in range(500)) + "}", COMPLEX),
    "aliases of what is empty": ("{" + "".join(f"a{n}:__typename " for n in range(600)) + "}", COMPLEX),
    "one field many times": ("{" + "hello " * 1_900 + "}", COMPLEX),
    "fields that conflict": (
        "{" + " ".join(f'a: hello(name: "{n}")' for n in range(240)) + "}",
        COMPLEX,
    ),
    "fields that conflict in fragments": (
        "{"
        + " ".join(f"...F{n}" for n in range(120))
        + "}"
        + " ".join(f'fragment F{n} on Query {{ a: hello(name: "{n}") }}' for n in range(120)),
        COMPLEX,
    ),
    "one field with arguments many times": ("{" + 'hello(name: "x") ' * 320 + "}", COMPLEX),
    "objects many times": ("{" + "toy(id: 1) { inner { id } }" * 140 + "}", COMPLEX),
    "equal fragments": (
        "{"
        + " ".join(f"...F{n}" for n in range(210))
        + "}"
        + " ".join(f"fragment F{n} on Query {{ hello }}" for n in range(210)),
        COMPLEX,
    ),
    "fragments that spread each other": (
        "{ toy(id: 1) { ...F0 ...F1 } }"
        + " ".join(
            f"fragment F{n} on Toy {{ inner {{ id "
            + " ".join(f"...F{k}" for k in range(n + 1, min(n + 12, 60)))
            + " } }"
            for n in range(60)
        ),
        COMPLEX,
    ),
    "operations that spread the same fragments": (
        " ".join(f"query Q{n} {{ ...F0 }}" for n in range(150))
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(100))
        + "fragment F100 on Query { hello }",
        BAD,
    ),
    "many directives": ("{ hello " + "@a" * 900 + "}", COMPLEX),
    "@skip many times": ("{ hello " + "@skip(if: false) " * 300 + "}", COMPLEX),
    "@include at many fields": ("{" + "hello @include(if: true) " * 90 + "}", COMPLEX),
    "directives of fragments": (
        "{ hello ...F } fragment F " + "@a" * 60 + " on Query { hello }",
        BAD,
    ),
    "directives of variables": ("query ($a: Int " + "@a" * 900 + ") { hello }", COMPLEX),
    "circular fragments": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        BAD,
    ),
    "a fragment in itself": ("{ ...A } fragment A on Query { ...A ...A }", BAD),
    "fragments that double fields": (doubling(60, "a: inner { ...F } b: inner { ...F }", "id"), COMPLEX),
    "fragments that double themselves": (doubling(150, "...F ...F", "a: id"), COMPLEX),
    "fragments that deepen each other": (doubling(60, "inner { ...F inner { ...F } }", "id"), COMPLEX),
    "circular introspection": (INTROSPECTION, BAD),
    "circular introspection by ofType": (
        "{ __schema { types { fields { type {" + nested(40, "ofType {", "name") + "} } } } }",
        COMPLEX,
    ),
    "a billion objects": ("{ toys(first: 1000000000) { id } }", COMPLEX),
    "pages of pages": ("{ toys(first: 15000) { id inner { id } } }", COMPLEX),
    "a number that is no Int": ("{ toys(first: 99999999999999999999) { id } }", BAD),
    "a number of 5,000 digits": ("{ toys(first: " + "9" * 5_000 + ") { id } }", BAD),
    "an exponent without end": ("{ toys(first: 1e999999999) { id } }", BAD),
    "many comments": ("{ hello }" + "\n#" * 2_500, COMPLEX),
    "a long comment": ("{ hello } #" + "x" * 60_000, COMPLEX),
    "a long string": ('{ hello(name: "' + "x" * 60_000 + '") }', COMPLEX),
    "many operations": (
        " ".join(f"query Q{n} {{ hello }}" for n in range(390)),
        BAD,
    ),
    "many unused fragments": (
        "{ hello }" + " ".join(f"fragment F{n} on Query {{ hello }}" for n in range(190)),
        BAD,
    ),
    "many unknown fields": ("{" + " ".join(f"helo{n}" for n in range(1_900)) + "}", BAD),
    "many unknown arguments": ("{ hello(" + " ".join(f"nam{n}: 1" for n in range(600)) + ") }", BAD),
    "many variables": ("query (" + " ".join(f"$a{n}: Int" for n in range(450)) + ") { hello }", BAD),
    "many unknown types": ("query (" + " ".join(f"$a{n}: Itn" for n in range(450)) + ") { hello }", BAD),
    "a letter that looks like another": ("{ һello }", BAD),
    "a null byte": ("{ hello\0 }", BAD),
    "a mark of direction": ("{ hello \u202e }", BAD),
    "half of a character": ('{ hello(name: "\\ud800") }', BAD),
    "nothing": ("", BAD),
    "braces only": ("{" * 1_900, BAD),
    "brackets that never end": ("{ hello(name: " + "[" * 1_900, BAD),
}  # fmt: skip
# Variables of `query ($first: Int, $name: String)`.
VARIABLES: dict[str, Any] = {
    "a billion objects": {"first": 10**9},
    "a number that is no Int": {"first": 10**30},
    "a list of 60,000 numbers": {"first": list(range(30_000))},
    "an object of 10,000 members": {"first": {f"a{n}": n for n in range(10_000)}},
    "200 levels": {"first": json.loads(nested(200, "[", "1", "]"))},
    "a string for a number": {"first": "9" * 100_000},
    "a huge string": {"first": 1, "name": "x" * 200_000},
}
SIZED = "query ($first: Int, $name: String) { toys(first: $first) { id } hello(name: $name) }"


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock) as running:
        assert await first("http", running.url, "{ hello }") == {"data": {"hello": "hello world"}}
        yield running
        assert await first("http", running.url, "{ hello }") == {"data": {"hello": "hello world"}}


def resident() -> int:
    """Return the memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def traced() -> Iterator[None]:
    """Trace allocations, so that `tracemalloc` knows the peak."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def peak_of(run: Callable[[], object]) -> int:
    """Run a function, and return how many bytes it had allocated at most at one time."""
    with traced():
        run()
        return tracemalloc.get_traced_memory()[1]


def refused_with(answer: dict[str, Any]) -> set[str]:
    """Return the codes of a refusal, of which nothing was run."""
    assert "data" not in answer, str(answer)[:300]
    assert len(json.dumps(answer)) < LONGEST_ANSWER
    return {error["extensions"]["code"] for error in answer["errors"]}


@every_transport
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_that_attacks_is_refused_and_nothing_of_it_is_run_or_kept(
    transport: str, name: str, server: ToyServer
) -> None:
    query, code = DOCUMENTS[name]
    planner, kept = server.pipeline.engine.planner, len(server.pipeline.engine.planner)
    answer = await first(transport, server.url, query)
    assert refused_with(answer) == {code}, str(answer)[:300]
    assert len(planner) == kept
    if code == COMPLEX:
        told = answer["errors"][0]["extensions"]
        assert told["cost"] > told["limit"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_attacks_is_refused_with_little_work(name: str) -> None:
    limits = Limits.of(Settings(_env_file=None))
    engine = Engine(toy_schema.schema, limits, 10)

    def refuse() -> None:
        with pytest.raises(Refused):
            engine.plan(DOCUMENTS[name][0], None)

    began = time.process_time()
    refuse()
    spent = time.process_time() - began
    calls, peak = calls_in(refuse), peak_of(refuse)
    print(f"{name}: {spent * 1_000:.1f} ms of processor time, {calls:,} calls, {peak:,} bytes")
    assert calls < MOST_CALLS
    assert peak < MOST_PEAK


@every_transport
@pytest.mark.parametrize("name", VARIABLES)
async def test_variables_that_attack_are_refused_or_small_enough_to_be_used(
    transport: str, name: str, server: ToyServer
) -> None:
    answer = await first(transport, server.url, SIZED, variables=VARIABLES[name])
    if name == "a huge string":
        assert len(answer["data"]["hello"]) == len("hello ") + 200_000
        return
    if name == "200 levels" and transport == "websocket":
        # Such a message is not read, so nobody knows which operation it is about.
        assert answer["closed"] == 4400
        return
    assert refused_with(answer) == {COMPLEX if name == "a billion objects" else BAD}


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_all_attacks_together_leave_no_memory_behind(
    transport: str, server: ToyServer
) -> None:
    async def attack() -> None:
        for query, _ in DOCUMENTS.values():
            await first(transport, server.url, query)
        gc.collect()

    await attack()
    before = resident()
    await attack()
    assert resident() - before < MOST_KEPT


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_no_attack_needs_much_memory_while_it_is_answered(
    transport: str, server: ToyServer
) -> None:
    """Of the whole process, in which the client that sends the attack is too."""
    peaks: dict[str, int] = {}

    async def attack(name: str, query: str, **more: Any) -> None:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        await first(transport, server.url, query, **more)
        peaks[name] = tracemalloc.get_traced_memory()[1] - before

    with traced():
        for name, (query, _) in DOCUMENTS.items():
            await attack(name, query)
        for name, variables in VARIABLES.items():
            await attack(f"{name} as a variable", SIZED, variables=variables)
    large = {name: peak for name, peak in peaks.items() if peak > MOST_PEAK}
    print(
        f"{transport}: at most {max(peaks.values()):,} bytes, {max(peaks, key=lambda n: peaks[n])}"
    )
    assert not large


@every_transport
async def test_names_and_extensions_that_are_huge_are_refused_in_a_few_bytes(
    transport: str, server: ToyServer
) -> None:
    answer = await first(transport, server.url, "query A { hello }", operationName="B" * 200_000)
    assert refused_with(answer) == {BAD}
    huge: dict[str, Any] = {"resume": "x" * 100_000}
    answer = await first(transport, server.url, "subscription { made { id } }", extensions=huge)
    assert refused_with(answer) <= {BAD, "CURSOR_EXPIRED"}


@pytest.mark.parametrize("number", [2, 100, 10_000])
async def test_a_list_of_operations_is_refused_as_one_request(
    number: int, server: ToyServer
) -> None:
    async with httpx2.AsyncClient() as client:
        refused = await client.post(server.url, json=[{"query": "{ hello }"}] * number)
    assert refused.status_code == 400
    assert refused_with(refused.json()) == {BAD}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"query": "{ hello }", "variables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"query": "{ hello }", "variables": ' + b'{"a":' * 50_000, 400),
        (b'{"query": "' + b"x" * 1_100_000 + b'"}', 413),
        (b'{"query": "\\ud800"}', 400),
        (b'{"query": ' + b"9" * 100_000 + b"}", 400),
        (b"\xff\xfe{\x00}", 400),
        (b'{"query": "{ hello }", "query": "{ me }"', 400),
        (b"", 400),
    ],
)
async def test_a_body_that_is_malformed_or_too_large_is_refused(
    body: bytes, status: int, server: ToyServer
) -> None:
    async with httpx2.AsyncClient() as client:
        headers = {"content-type": "application/json"}
        refused = await client.post(server.url, content=body, headers=headers)
    assert refused.status_code == status
    assert len(refused.content) < 1_000
    assert refused_with(refused.json()) == {BAD}


async def test_a_query_in_a_long_url_is_refused_before_it_is_read(server: ToyServer) -> None:
    made = server.pipeline.engine.planner.made
    async with httpx2.AsyncClient() as client:
        refused = await client.get(server.url, params={"query": "{ hello } #" + "x" * 40_000})
        assert refused.status_code == 414
        mutation = await client.get(server.url, params={"query": "mutation { __typename }"})
        assert mutation.status_code in (400, 405)
    assert server.pipeline.engine.planner.made <= made + 1


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]
)
async def test_a_form_that_another_site_can_send_is_refused_unread(
    media_type: str, server: ToyServer
) -> None:
    made = server.pipeline.engine.planner.made
    async with httpx2.AsyncClient() as client:
        content = b'{"query": "mutation { __typename }"}'
        if media_type == "application/x-www-form-urlencoded":
            content = b"query=mutation%20%7B%20__typename%20%7D"
        headers = {"content-type": media_type}
        refused = await client.post(server.url, content=content, headers=headers)
    assert refused.status_code in (400, 415)
    assert refused_with(refused.json()) == {BAD}
    assert server.pipeline.engine.planner.made == made


async def test_no_header_of_a_client_makes_an_answer_tell_how_it_was_made(
    server: ToyServer,
) -> None:
    debugging = {"X-Apollo-Tracing": "1", "Apollo-Query-Plan-Experimental": "1", "X-Debug": "1"}
    async with httpx2.AsyncClient(headers=debugging) as client:
        answered = await client.post(server.url, json={"query": "{ hello }"})
        refused = await client.post(server.url, json={"query": "{ helo }"})
    assert answered.json() == {"data": {"hello": "hello world"}}
    [error] = refused.json()["errors"]
    assert {*error["extensions"]} == {"code"}
    assert "Traceback" not in refused.text
