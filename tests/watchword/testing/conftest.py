"""The plugin's fixture around the toy schema."""

from __future__ import annotations

import pytest

from tests.support import toy_schema
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.mounting.asgi_app import Watchword

DOMAIN = Domain(roles={"keeper": frozenset({"toys:count", "toys:price"})})


@pytest.fixture(scope="session")
def watchword_app() -> Watchword:
    return Watchword(toy_schema.schema, Settings(_env_file=None), domain=DOMAIN)
