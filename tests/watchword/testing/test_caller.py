"""Callers run operations and send requests with their token, awaited or not."""

from __future__ import annotations

import pytest

from watchword.testing import App, Failed


@pytest.fixture(params=["process", "sockets"])
def watchword_transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_query_and_a_mutation_return_their_data(watchword: App) -> None:
    ann = watchword.as_user()
    assert await watchword.anonymous.query(
        "query ($name: String!) { hello(name: $name) }", name="Ann"
    ) == {"hello": "hello Ann"}
    assert await ann.mutate('mutation { make(name: "bear") { name } }') == {
        "make": {"name": "bear"}
    }


async def test_an_unexpected_error_fails_and_an_expected_one_is_returned(watchword: App) -> None:
    anonymous = watchword.anonymous
    with pytest.raises(Failed, match=r"UNAUTHENTICATED at me: .*\n.*\n  \{ me \}"):
        await anonymous.query("{ me }")
    assert (await anonymous.refusal("{ me }")).path == ("me",)
    with pytest.raises(AssertionError, match="succeeded: {'hello': 'hello world'}"):
        await anonymous.refusal("{ hello }")


async def test_a_whole_answer_has_its_status_and_extensions(watchword: App) -> None:
    ann = watchword.as_user()
    answer = await ann.ask('mutation { make(name: "bear") { name } }')
    assert answer.status == 200
    assert "cursors" in answer.extensions
    watchword.revoke(ann)
    assert (await ann.ask("{ me }")).status == 401


async def test_http_requests_carry_the_token(watchword: App) -> None:
    answer = await watchword.anonymous.get("/health/live")
    assert answer.status_code == 200
    ann = watchword.as_user()
    said = await ann.post("/graphql", json={"query": "{ me }"})
    assert said.json() == {"data": {"me": ann.id}}
    other = await ann.request("POST", "/graphql", json={"query": "{ me }"}, headers={"x-a": "b"})
    assert other.json() == said.json()
    assert [(await each("/graphql")).status_code for each in (ann.put, ann.delete)] == [405, 405]


def test_the_same_without_an_event_loop(watchword: App) -> None:
    app = watchword.sync
    ann = app.as_user(roles=["keeper"])
    assert ann.query("{ count }") == {"count": 3}
    assert ann.mutate('mutation { make(name: "bear") { name } }') == {"make": {"name": "bear"}}
    assert ann.ask("{ count }").status == 200
    assert app.anonymous.refusal("{ count }").code == "UNAUTHENTICATED"
    assert ann.get("/health/live").status_code == 200
    assert ann.post("/graphql", json={"query": "{ me }"}).json()["data"] == {"me": ann.id}
    assert [each("/graphql").status_code for each in (ann.put, ann.delete)] == [405, 405]
    before = ann.token
    app.clock.move(60)
    ann.renew()
    assert ann.token != before


async def test_an_answer_that_is_not_json_is_shown(watchword: App) -> None:
    ann = watchword.as_user()
    object.__setattr__(ann.calls.line, "graphql", "/nowhere")
    with pytest.raises(AssertionError, match="/nowhere answered 404"):
        await ann.query("{ me }")


def test_a_caller_shows_its_address_and_no_token(watchword: App) -> None:
    ann = watchword.as_user(email="ann@example.com")
    assert repr(ann) == "<ann@example.com>"
    assert repr(watchword.anonymous) == "<anonymous>"
