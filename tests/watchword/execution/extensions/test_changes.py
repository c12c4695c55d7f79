"""The client gets errors as extensions have made them; unexpected ones stay masked, and hidden ones are logged."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLError

from watchword.errors import Forbidden
from watchword.execution.extensions.changes import Changes, located
from watchword.execution.masking import format_error
from watchword.principal import ANONYMOUS


def failed(cause: Exception, message: str = "") -> GraphQLError:
    """Return an error as graphql-core makes it of what a resolver raised."""
    return GraphQLError(message or str(cause), path=["field"], original_error=cause)


def told(before: list[GraphQLError], after: list[GraphQLError]) -> list[dict[str, Any]]:
    changes = Changes()
    changes.note(before)
    return [format_error(each) for each in changes.told(after, ANONYMOUS)]


def test_an_unchanged_error_is_masked_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    error = failed(RuntimeError("a secret"))
    [shown] = told([error], [error])
    assert shown["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(shown)
    assert caplog.text.count("a secret") == 1


def test_an_error_that_an_extension_made_is_shown_as_it_was_made() -> None:
    made = GraphQLError("Unexpected error.", path=["field"])
    [shown] = told([failed(Forbidden("no"))], [made])
    assert shown == {"message": "Unexpected error.", "path": ["field"]}
    made = GraphQLError("Limited.", extensions={"code": "TOO_MANY", "after": 3})
    [shown] = told([], [made])
    assert shown == {"message": "Limited.", "extensions": {"code": "TOO_MANY", "after": 3}}


def test_an_error_that_is_hidden_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    told([failed(RuntimeError("a secret"))], [GraphQLError("Masked.", path=["field"])])
    assert caplog.text.count("RuntimeError: a secret") == 1
    caplog.clear()
    told([failed(Forbidden("no"))], [])
    assert caplog.text == ""


def test_a_message_that_an_extension_wrote_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    error = failed(RuntimeError("a secret"))
    changes = Changes()
    changes.note([error])
    error.message = "Ask later."
    [shown] = changes.told([error], ANONYMOUS)
    assert format_error(shown) == {"message": "Ask later.", "path": ["field"]}
    assert caplog.text.count("RuntimeError: a secret") == 1


def test_what_an_extension_adds_to_a_masked_error_is_shown_with_it() -> None:
    error = failed(ValueError("a secret"))
    changes = Changes()
    changes.note([error])
    error.extensions = {"validation_errors": [{"field": "name"}]}
    [shown] = changes.told([error], ANONYMOUS)
    formatted = format_error(shown)
    assert formatted["extensions"]["validation_errors"] == [{"field": "name"}]
    assert formatted["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(formatted)


def test_an_error_that_only_repeats_its_cause_is_masked() -> None:
    cause = RuntimeError("a secret")
    [shown] = told([], [failed(cause)])
    assert "secret" not in str(shown)
    [shown] = told([], [failed(cause, "Ask later.")])
    assert shown["message"] == "Ask later."


def test_what_a_hook_raises_is_masked_unless_it_is_meant(caplog: pytest.LogCaptureFixture) -> None:
    assert located(GraphQLError("Meant.")).message == "Meant."
    assert located(Forbidden("Not you.")).message == "Not you."
    assert caplog.text == ""
    assert "secret" not in located(RuntimeError("a secret")).message
    assert "RuntimeError: a secret" in caplog.text
