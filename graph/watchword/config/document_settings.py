"""Settings of documents that clients name by an id instead of sending them.

`Settings` in settings.py inherits them, reads them and checks them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from watchword.config.auth_settings import json_list


class DocumentSettings(BaseSettings):
    """Sizes are in bytes."""

    documents: Path | None = Field(
        None,
        description="Trusted documents, which clients may name by their ids: a manifest of Apollo, Relay's compiler or"
        " GraphQL Code Generator, or a directory with several (*.json). Read at the start, and within ten seconds after a"
        " change.",
    )
    documents_only: Annotated[bool | tuple[str, ...], NoDecode] = Field(
        False,
        description="Who may send only trusted documents: all (true), or callers without a token and the clients with"
        ' these ids, as JSON: ["watchword", "shop"]; watchword is our own sign-in. Tokens with the scope documents:any'
        " may send any document.",
    )
    persisted_queries_bytes: int = Field(
        2_000_000,
        ge=0,
        description="Memory of one process for automatic persisted queries: documents that clients register by their"
        " hashes. Those that were not used for longest make place, and their clients send them again. 0 switches"
        " them off.",
    )

    @field_validator("documents_only", mode="before")
    @classmethod
    def _clients_are_a_json_list(cls, given: Any) -> Any:
        if isinstance(given, bool) or str(given).lower() in ("true", "false"):
            return str(given).lower() == "true"
        try:
            clients = tuple(json_list(given))
        except ValueError:
            clients = ()
        if not clients or not all(isinstance(each, str) and each for each in clients):
            raise ValueError('must be true, false, or a JSON list of client ids: ["watchword"]')
        return clients
