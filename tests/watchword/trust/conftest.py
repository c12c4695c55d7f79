"""The fixture of a fake issuer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.issuer import FakeIssuer, fake_issuer


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer
