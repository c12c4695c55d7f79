"""Settings of documents that clients name by an id instead of sending them.

`Settings` in settings.py inherits them, reads them and checks them.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class DocumentSettings(BaseSettings):
    """Sizes are in bytes."""

    persisted_queries_bytes: int = Field(
        2_000_000,
        ge=0,
        description="Memory of one process for automatic persisted queries: documents that clients register by their"
        " hashes. Those that were not used for longest make place, and their clients send them again. 0 switches"
        " them off.",
    )
