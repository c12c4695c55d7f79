"""`watchword keys`: the keys that sign tokens, and the encryption of secrets in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import click

from watchword.auth.keys import reseal
from watchword.auth.keys.signing_keys import DatedKey, KeyState, newest_first, rotate, state_of
from watchword.auth.tables import SigningKey
from watchword.cli.operator import opened
from watchword.config.settings import PREFIX, Settings
from watchword.principal import OPERATOR
from watchword.process.clock import SystemClock
from watchword.storage.columns import moment
from watchword.storage.vault import vault


@click.group()
def keys() -> None:
    """List the signing keys, rotate them, or encrypt the database's secrets with another key."""


@keys.command("list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List the signing keys, the newest first, and what each of them is used for."""

    async def work() -> list[SigningKey]:
        async with opened(settings) as database, database.read() as db:
            return await newest_first(db)

    rows = asyncio.run(work())
    now = moment(SystemClock().now())
    for place, row in enumerate(rows):
        click.echo(f"{row.kid}\t{row.algorithm}\t{_state(row, rows[:place], now)}")


@keys.command("rotate")
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Sign with it in seconds. Services that have cached our keys may refuse its tokens for a while.",
)
@click.pass_obj
def rotate_(settings: Settings, at_once: bool) -> None:
    """Make a new key, which signs once it has been published for long enough (KEY_PUBLISH_SECONDS).

    The old key verifies until its last token has expired. A newer key that does not sign yet is dropped.
    """

    async def work() -> DatedKey:
        async with opened(settings) as database:
            now = SystemClock().now()
            return await rotate(
                database, vault(settings), settings, now, at_once=at_once, actor=OPERATOR
            )

    made = asyncio.run(work())
    when = _timestamp(moment(made.signs_at))
    click.echo(f"{made.key.kid} ({made.key.algorithm}) is published, and signs from {when}.")


@keys.command("reseal")
@click.pass_obj
def reseal_(settings: Settings) -> None:
    """Encrypt all secrets in the database anew, with the first of the encryption keys.

    Every server must know that key already. Afterwards, the other keys can be removed.
    """

    async def work() -> int:
        async with opened(settings) as database:
            return await reseal.reseal(database, vault(settings), SystemClock().now(), OPERATOR)

    count = asyncio.run(work())
    click.echo(
        f"{count} sealed by the first key. {PREFIX}ENCRYPTION_KEYS can do without the others."
    )


def _state(row: SigningKey, newer: Sequence[SigningKey], now: datetime) -> str:
    match state_of(row, newer, now):
        case KeyState.OVER:
            return "has ended"
        case KeyState.SIGNS:
            return "signs"
        case KeyState.PUBLISHED:
            return f"will sign from {_timestamp(row.signs_at)}"
    return f"verifies until {_timestamp(row.retires_at)}" if row.retires_at else "verifies"


def _timestamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
