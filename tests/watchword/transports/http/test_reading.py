"""A request whose body has come is read at once; any other is waited for, and both are read alike."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from watchword.asgi.types import Receive
from watchword.transports.http.reading import RequestReader
from watchword.transports.http.responses import Failure
from watchword.transports.request import GraphQLRequest

HEADERS = {b"content-type": b"application/json"}
BODY = json.dumps({"query": "{ hello }"}).encode()


@pytest.fixture
async def reader(clock: MovedClock) -> AsyncIterator[RequestReader]:
    async with toy_pipeline(clock, max_body_bytes=1_024) as (pipeline, _):
        yield RequestReader(pipeline, None)


class Connection:
    """Has a whole body, as an exchange of our own server does, or gives it by messages."""

    def __init__(self, body: bytes, *, is_whole: bool) -> None:
        self._body = body
        self._is_whole = is_whole

    def take_whole(self) -> bytes | None:
        return self._body if self._is_whole else None

    async def receive(self) -> Any:
        return {"type": "http.request", "body": self._body}


async def read(reader: RequestReader, receive: Receive, method: str = "POST", **scope: Any) -> Any:
    asked = {"method": method, **scope}
    taken = reader.take(asked, HEADERS, receive)
    return taken or await reader.receive(asked, HEADERS, receive, "192.0.2.1")


async def test_a_request_whose_body_has_come_is_read_without_waiting(reader: RequestReader) -> None:
    here, there = (Connection(BODY, is_whole=each).receive for each in (True, False))
    assert reader.take({"method": "POST"}, HEADERS, here) == GraphQLRequest("{ hello }")
    assert reader.take({"method": "POST"}, HEADERS, there) is None
    assert await read(reader, there) == GraphQLRequest("{ hello }")


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "not JSON"),
        (b"[]", 400, "Batching is not enabled"),
        (b"{}", 400, "'query'"),
        (b" " * 1_025, 413, "larger than 1024 bytes"),
    ],
)
async def test_a_body_that_is_no_request_is_refused_with_a_reason(
    body: bytes, status: int, said: str, is_whole: bool, reader: RequestReader
) -> None:
    with pytest.raises(Failure) as caught:
        await read(reader, Connection(body, is_whole=is_whole).receive)
    assert caught.value.status == status
    assert said in caught.value.error.message


async def test_a_body_that_any_page_can_send_is_refused_before_it_comes(
    reader: RequestReader,
) -> None:
    receive = Connection(BODY, is_whole=False).receive
    with pytest.raises(Failure) as caught:
        reader.take({"method": "POST"}, {b"content-type": b"text/plain"}, receive)
    assert caught.value.status == 415


async def test_a_query_string_is_remembered_from_its_second_use_on(reader: RequestReader) -> None:
    query = b"query=%7B%20hello%20%7D"
    for is_known in (False, False, True):
        assert reader.remembers(query) is is_known
        taken = await read(
            reader, Connection(b"", is_whole=True).receive, "GET", query_string=query
        )
        assert taken == GraphQLRequest("{ hello }")


async def test_other_methods_are_told_which_are_allowed(reader: RequestReader) -> None:
    with pytest.raises(Failure) as caught:
        await read(reader, Connection(b"", is_whole=True).receive, "PUT")
    assert (caught.value.status, caught.value.headers) == (405, ((b"allow", b"GET, HEAD, POST"),))
