"""Each record is a JSON object in one line, with everything but secrets."""

from __future__ import annotations

import json
import logging
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
from websockets.sync.client import connect

from tests.support.server import live_server
from tests.watchword.process.test_log_setup import FORMS, SECRET, TOKENS
from watchword.process import log_context
from watchword.process.json_logs import JsonFormatter, formatter
from watchword.process.log_setup import HIDDEN


def record(
    message: str, *arguments: object, error: BaseException | None = None
) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord(
        "watchword.test", logging.WARNING, __file__, 1, message, arguments, info
    )


def written(given: logging.LogRecord) -> dict[str, Any]:
    text = JsonFormatter().format(given)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_record_has_its_time_level_logger_and_message() -> None:
    given = record("a token was refused by the rule: %s", "exp")
    found = written(given)
    assert found.pop("time").endswith("Z")
    moment = datetime.fromisoformat(written(given)["time"])
    assert abs(moment.timestamp() - given.created) < 0.001
    assert found == {
        "level": "WARNING",
        "logger": "watchword.test",
        "message": "a token was refused by the rule: exp",
    }


def test_whatever_is_logged_is_one_line_of_json() -> None:
    said = 'two\nlines, "quotes", a \\ and \ud800'
    assert written(record(said))["message"].startswith('two\nlines, "quotes", a \\ and ')


def test_an_exception_is_told_with_its_traceback() -> None:
    try:
        raise ValueError(f"password={SECRET}")
    except ValueError as error:
        found = written(record("it failed", error=error))
    assert "Traceback" in found["exception"]
    assert "test_json_logs.py" in found["exception"]
    assert HIDDEN in found["exception"]
    assert SECRET not in found["exception"]


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_hidden_in_whatever_form_it_comes(form: str) -> None:
    assert SECRET not in JsonFormatter().format(record("%s", form.format(SECRET)))


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_hidden(token: str) -> None:
    assert token not in JsonFormatter().format(record("GET /graphql?access_token=%s", token))


def test_the_trace_the_operation_and_the_connection_are_named() -> None:
    span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))

    def work() -> dict[str, Any]:
        log_context.connection.set("c-1")
        log_context.operation.set(log_context.LoggedOperation("o-1", "Greeting"))
        with use_span(span):
            return written(record("hello"))

    found = copy_context().run(work)
    assert found["trace_id"] == f"{0xABC:032x}"
    assert found["span_id"] == f"{0xDEF:016x}"
    assert (found["operation_id"], found["operation_name"]) == ("o-1", "Greeting")
    assert found["connection_id"] == "c-1"


def test_a_setting_chooses_the_format() -> None:
    assert isinstance(formatter("json"), JsonFormatter)
    assert formatter("text") is None


def test_a_server_writes_only_json_and_no_token(tmp_path: Path) -> None:
    with live_server(tmp_path / "home", WATCHWORD_LOG_FORMAT="json") as server:
        body = {"email": server.email, "password": server.password, "delivery": "body"}
        signed_in = httpx2.post(f"{server.url}/api/auth/login", json=body).json()
        real, forged = signed_in["access_token"], TOKENS[0]
        for token in (real, forged, real[:-4] + "AAAA"):
            query = {"query": "{ __typename }"}
            httpx2.post(
                f"{server.url}/graphql", json=query, headers={"authorization": f"Bearer {token}"}
            )
            httpx2.get(f"{server.url}/graphql", params={**query, "access_token": token})
            httpx2.get(f"{server.url}/nothing/{token}")
            with connect(
                f"{server.ws_url}/graphql", subprotocols=["graphql-transport-ws"]
            ) as socket:  # type: ignore[list-item]
                init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
                socket.send(json.dumps(init))
        server.wait_for("was refused by the rule", 2)
    lines = [line for line in server.output if line.startswith("{")]
    records = [json.loads(line) for line in lines]
    assert "Application startup complete." in {each["message"] for each in records}
    refused = [each for each in records if "was refused by the rule" in each["message"]]
    assert any("connection_id" in each for each in refused)
    for token in (real, forged, signed_in["refresh_token"]):
        assert token not in server.log
    # Everything else is the greeting, on standard output.
    others = [line for line in server.output if line not in lines]
    assert not any(" INFO " in line or " ERROR " in line for line in others)
