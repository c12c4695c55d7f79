"""All SQL for members. Accounts belong to the runtime; this module only reads them."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select

from watchword import Account, Context, Order, Page, Slice, paginate

BY_AGE = Order("members", (Account.created_at, Account.id), descending=False)
# The columns that are read for an answer, or for the order. The rows are named tuples of them, which are
# typed as the entity with these columns.
SHOWN = (
    Account.id,
    Account.email,
    Account.name,
    Account.roles,
    Account.version,
    Account.disabled_at,
    Account.created_at,
)
ALL = select(*SHOWN)
NAMED = ALL.where(Account.id.in_(bindparam("ids")))


async def load_members(context: Context, ids: list[str]) -> list[Account | None]:
    """Load accounts in one statement; None for unknown ones."""
    found = {account.id: account for account in await context.rows(NAMED, ids=ids)}
    return [found.get(id) for id in ids]


async def page_of_members(context: Context, page: Page) -> Slice[Account]:
    """Return a page of the members, the oldest first."""
    return await paginate(context, ALL, BY_AGE, page)


async def count_members(context: Context) -> int:
    """Count the members."""
    [(count,)] = await context.rows(select(func.count()).select_from(Account))
    return int(count)
