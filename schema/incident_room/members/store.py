"""All SQL for members. Accounts belong to the runtime; this module only reads them."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from watchword import Account, Context, Order, Page, Slice, accounts_by_id, paginate

BY_AGE = Order("members", (Account.created_at, Account.id), descending=False)


async def load_members(context: Context, ids: list[str]) -> list[Account | None]:
    """Load accounts in one statement; None for unknown ones."""
    async with context.read() as db:
        found = await accounts_by_id(db, ids)
    return [found.get(id) for id in ids]


async def page_of_members(db: AsyncSession, page: Page) -> Slice[Account]:
    """Return a page of the members, the oldest first."""
    return await paginate(db, select(Account), BY_AGE, page)


async def count_members(context: Context) -> int:
    """Count the members."""
    async with context.read() as db:
        return (await db.execute(select(func.count()).select_from(Account))).scalar_one()
