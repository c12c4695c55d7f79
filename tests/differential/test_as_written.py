"""Schemas as they are written for Strawberry are answered by Watchword as by Strawberry's own view."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_introspection_query

from tests.differential.as_written import PAGES
from tests.differential.as_written.page import UNEXPECTED, Page
from tests.support.clock import MovedClock
from tests.support.strawberry_view import TRANSPORTS, Operation, both_views
from watchword.domain import Domain
from watchword.permissions.field import Public

INTROSPECTION = Operation(get_introspection_query(input_value_deprecation=True))
# An operation is interpreted at its first use, and compiled from the second on. All transports share its plan.
USES = 3
# A plain response has one answer, a URL holds queries only, and Strawberry's multipart responses are for subscriptions.
ANSWERS = {
    "http": ("query", "mutation", "{"),
    "get": ("query", "{"),
    "multipart": ("subscription",),
}


def reworded(answers: list[Any], page: Page, met: set[str]) -> list[Any]:
    """Return Strawberry's answers with the messages that Watchword says otherwise; add those that it says to `met`."""
    for error in errors_of(answers):
        met.add(error["message"])
        error["message"] = page.reworded.get(error["message"], error["message"])
    return answers


def without_ids(answers: list[Any]) -> list[Any]:
    """Return Watchword's answers without the ids in its log."""
    for error in errors_of(answers):
        if error["message"].startswith(UNEXPECTED):
            error["message"] = UNEXPECTED
    return answers


def errors_of(answers: list[Any]) -> list[dict[str, Any]]:
    return [error for answer in answers for error in answer.get("errors", ())]


def is_for(operation: Operation, transport: str) -> bool:
    if operation is INTROSPECTION:
        return transport == "http"
    kinds = ANSWERS.get(transport)
    return kinds is None or operation.query.lstrip().startswith(kinds)


@pytest.mark.parametrize("page", PAGES, ids=str)
async def test_both_answer_alike_over_every_transport(
    page: Page, sqlite_url: str, clock: MovedClock
) -> None:
    met: set[str] = set()
    used: list[Operation] = []
    domain = Domain(default_permissions=[Public])
    async with both_views(page.schema, sqlite_url, clock, domain) as (theirs, ours):
        for transport in TRANSPORTS:
            for operation in (*page.operations, INTROSPECTION):
                if not is_for(operation, transport):
                    continue
                expected = reworded(await theirs.ask(operation, transport), page, met)
                for _ in range(1 if operation in used else USES):
                    answered = without_ids(await ours.ask(operation, transport))
                    assert answered == expected, (transport, operation)
                used.append(operation)
    assert set(page.reworded) <= met, "an exception that is not needed"
