"""Fixtures of the pytest plugin for tests of the incident room: without demo data, on both databases.

A module that imports all three has them in the place of the plugin's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


@pytest.fixture(scope="session")
def watchword_app() -> str:
    return "incident_room:schema"


@pytest.fixture
def watchword_settings() -> Mapping[str, Any]:
    return {"demo": False}


@pytest.fixture(params=["sqlite", "postgresql"])
def watchword_database_url(request: pytest.FixtureRequest) -> str:
    is_sqlite = request.param == "sqlite"
    return "" if is_sqlite else str(request.getfixturevalue("postgres_server"))
