"""Store e-mail addresses in one Unicode normalisation (NFC), and drop the table of challenges.

Addresses of several accounts may become equal. One account gets the address: the one that already has
it in this form, otherwise the oldest. The others stay as they are. Their users sign in with the address
typed exactly as before, and a warning names each with the command that gives it another address.
"""

import logging
import unicodedata
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

log = logging.getLogger("watchword.migration")

accounts = sa.table(
    "watchword_accounts",
    *(sa.column(name, sa.String) for name in ("id", "email", "email_folded")),
    sa.column("created_at", sa.DateTime),
)


def upgrade() -> None:
    op.drop_table("watchword_challenges")
    oldest_first = sa.select(accounts).order_by(accounts.c.created_at, accounts.c.id)
    equal = defaultdict(list)
    for row in op.get_bind().execute(oldest_first):
        equal[_folded(row.email)].append(row)
    for folded, rows in equal.items():
        owner = next((row for row in rows if row.email_folded == folded), None)
        if owner is None:
            owner = rows[0]
            _normalise(owner, folded)
        for row in rows:
            if row is not owner:
                _warn(row, owner)


def _normalise(row: sa.Row[Any], folded: str) -> None:
    email = unicodedata.normalize("NFC", row.email.strip())
    change = accounts.update().where(accounts.c.id == row.id)
    op.execute(change.values(email=email, email_folded=folded))


def _folded(email: str) -> str:
    # A copy of what graph/watchword/formats/mail_address.py did at the time of this revision.
    apart = unicodedata.normalize("NFD", email.strip()).casefold()
    return unicodedata.normalize("NFC", apart)


def _warn(row: sa.Row[Any], owner: sa.Row[Any]) -> None:
    log.warning(
        "The accounts %s (%s) and %s (%s) have one e-mail address in two spellings. The first has it"
        " now; the second signs in with it typed exactly as it was. To give the second another one:"
        " watchword accounts rename %s NEW_ADDRESS",
        owner.id,
        ascii(owner.email),
        row.id,
        ascii(row.email),
        row.id,
    )
