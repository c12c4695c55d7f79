"""The tree of errors: stable codes, and how each error looks over every transport."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from watchword import errors
from watchword.errors import (
    BadUserInput,
    Ending,
    Forbidden,
    InvalidToken,
    RateLimited,
    WatchwordError,
)


def classes(root: type[WatchwordError]) -> Iterator[type[WatchwordError]]:
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
        yield from classes(child)


@pytest.mark.parametrize("error", list(classes(WatchwordError)), ids=lambda error: error.__name__)
def test_the_printed_tree_tells_the_truth(error: type[WatchwordError]) -> None:
    row = re.search(rf"[├└]── {error.__name__} +(\w+) +(\d+)(?: +(\d{{4}}))?", errors.__doc__ or "")
    assert row is not None
    assert (row[1], int(row[2])) == (error.code, error.status)
    assert row[3] is None or int(row[3]) == error.close_code


def test_extensions_hold_the_code_and_the_given_values() -> None:
    error = Forbidden("This needs role admin.", requires={"role": "admin"})
    assert error.as_dict() == {
        "message": "This needs role admin.",
        "extensions": {"code": "FORBIDDEN", "requires": {"role": "admin"}},
    }


def test_bad_input_names_the_argument() -> None:
    assert BadUserInput("Too long.", ["input", "name"]).extensions["path"] == ["input", "name"]
    assert "path" not in BadUserInput("Too long.").extensions


def test_the_error_of_a_refused_token_does_not_name_the_rule() -> None:
    error = InvalidToken("signature")
    assert error.rule == "signature"
    assert "signature" not in str(error.as_dict())


def test_a_limit_says_when_to_try_again() -> None:
    assert RateLimited("Too often.", 2.5).extensions["retryAfter"] == 2.5


# graphql-ws, src/client.ts: the client gives up after these close codes, and retries after all others.
FATAL = {4500, 4005, 4400, 4004, 4401, 4406, 4409, 4429}


@pytest.mark.parametrize("ending", list(Ending))
def test_only_what_somebody_ended_makes_the_stock_client_give_up(ending: Ending) -> None:
    assert (ending.close_code in FATAL) is (ending in (Ending.REVOKED, Ending.ENDED))
    assert len(ending.reason.encode()) <= 123
