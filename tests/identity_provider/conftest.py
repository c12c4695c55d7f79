"""The fixture of the real provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.identity_provider import IdentityProvider, identity_provider

PEOPLE = {
    "alice": {
        "email": "alice@op.example",
        "email_verified": True,
        "name": "Alice",
        "roles": ["commander", "unheard of"],
    },
    "machine": {"roles": ["viewer"]},
}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider(PEOPLE) as running:
        yield running
