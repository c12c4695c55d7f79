"""What an import reads and writes with."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from watchword import Transaction


class Store(Protocol):
    """Lends sessions and transactions: the operator of a command, or the context of a mutation."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]: ...

    def write(self) -> AbstractAsyncContextManager[Transaction]: ...
