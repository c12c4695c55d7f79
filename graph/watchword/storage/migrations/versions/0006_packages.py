"""Create the table of packages: their version tables, and the releases that can use the database."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "watchword_packages",
        sa.Column("version_table", sa.String(63), nullable=False),
        sa.Column("package", sa.String(300), nullable=False),
        sa.Column("readable_from", sa.String(32)),
        sa.PrimaryKeyConstraint("version_table", name="pk_watchword_packages"),
    )
