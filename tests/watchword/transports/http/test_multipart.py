"""Answers as the parts of a multipart response."""

from __future__ import annotations

import json

from watchword.delivery.run import Sent
from watchword.transports.http.multipart import Multipart, MultipartParts

BOUNDARY = b"\r\n--graphql"


def body(part: bytes) -> object:
    head, _, rest = part.partition(b"\r\n\r\n")
    assert head == b"\r\ncontent-type: application/json"
    assert rest.endswith(BOUNDARY)
    return json.loads(rest.removesuffix(BOUNDARY))


def test_a_part_is_whole_when_it_is_sent() -> None:
    sent = Sent({"data": {"x": 1}})
    assert body(Multipart().next(sent)) == {"payload": {"data": {"x": 1}}}
    assert Multipart().next(sent) is Multipart().next(sent)
    assert body(Multipart.keep_alive) == {}


def test_errors_that_end_the_stream_are_beside_the_payload() -> None:
    errors = [{"message": "expired"}]
    assert body(Multipart().fail(errors)) == {"payload": None, "errors": errors}


def test_the_whole_response_is_multipart() -> None:
    form = Multipart()
    whole = form.beginning + form.next(Sent({"data": None})) + form.complete
    assert whole.startswith(BOUNDARY)
    assert whole.endswith(BOUNDARY + b"--\r\n")


def test_a_part_of_an_answer_is_a_part_of_the_response() -> None:
    form = MultipartParts()
    sent = Sent({"data": {"x": 1}, "hasNext": True})
    assert body(form.next(sent)) == {"data": {"x": 1}, "hasNext": True}
    assert body(form.fail([{"message": "no"}])) == {"errors": [{"message": "no"}]}
    whole = form.beginning + form.next(sent) + form.complete
    assert whole.startswith(BOUNDARY)
    assert whole.endswith(BOUNDARY + b"--\r\n")
    # urql would take a part without content for the answer.
    assert form.keep_alive == b""
