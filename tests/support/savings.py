"""What a server does once, and a process of tests would do for each test: here it is done once too."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from typing import Any

import httpcore2
from graphql import DocumentNode, GraphQLError, GraphQLSchema
from pydantic import BaseModel
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache
from strawberry.schema import schema as strawberry_schema

from tests.support import memory
from watchword.config.settings import Settings
from watchword.storage import database


def begin() -> None:
    """Replace the functions of libraries that are called for each test."""
    # What SQLite writes would wait for the disk whenever a test closes its database.
    if "TMPDIR" not in os.environ and (folder := memory.folder()) is not None:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    # Each client that is made would read the certificates of all authorities: 30 ms of a core.
    httpcore2.default_ssl_context = cache(httpcore2.default_ssl_context)
    Settings.__init__ = _make_settings  # type: ignore[method-assign]
    _share_statements()
    strawberry_schema.validate_document = _validate


_read = Settings.__init__


def _make_settings(settings: Settings, **values: Any) -> None:
    """Make settings from values alone where there is nothing else to read them from.

    pydantic-settings looks at every field for every source, which takes longer than most tests.
    """
    alone = values.get("_env_file", "") is None
    if not alone or any(name.upper().startswith("WATCHWORD_") for name in os.environ):
        return _read(settings, **values)
    del values["_env_file"]
    values.setdefault("unpublished_writes", "raise")
    BaseModel.__init__(settings, **values)


_statements: LRUCache[Any, Any] = LRUCache(5_000)
_create_engine = database.create_async_engine


def _share_statements() -> None:
    """Let the engines of one kind of database share the statements that they compiled.

    Otherwise each engine compiles all of them, which takes a tenth of a test with a database. They are
    kept by dialect, and each engine has one of its own, equal to that of the others.
    """
    DefaultDialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
    DefaultDialect.__eq__ = lambda self, other: (  # type: ignore[method-assign]
        type(self) is type(other) and self.server_version_info == other.server_version_info
    )
    database.create_async_engine = _engine


def _engine(url: str, **options: Any) -> AsyncEngine:
    engine = _create_engine(url, **options)
    engine.sync_engine._compiled_cache = _statements
    return engine


_validate_document = strawberry_schema.validate_document
_found: dict[Any, list[GraphQLError]] = {}


def _validate(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[Any, ...]
) -> list[GraphQLError]:
    """Validate a document that Strawberry executes, which takes longer than executing it."""
    key = (schema, document.loc and document.loc.source.body, rules)
    if key not in _found:
        _found[key] = _validate_document(schema, document, rules)
    return list(_found[key])
