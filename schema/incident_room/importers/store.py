"""The interface through which an import reads and writes the database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from watchword import Transaction


class Store(Protocol):
    """Opens sessions and transactions. A command's `Operator` and a mutation's context implement it."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]: ...

    def write(self) -> AbstractAsyncContextManager[Transaction]: ...
