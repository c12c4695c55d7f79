"""`watchword keys`: what signs tokens."""

from __future__ import annotations

import asyncio

import click

from graph.cli.accounts import opened
from graph.clock import SystemClock
from graph.identity.signing_keys import load, rotate
from graph.settings import Settings
from graph.tokens.keys import Key
from graph.vault import vault


@click.group()
def keys() -> None:
    """Look at the signing keys, or rotate them."""


@keys.command("list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List the keys that tokens may be signed with, the one that signs first."""

    async def work() -> tuple[Key, ...]:
        async with opened(settings) as database:
            return (await load(database, vault(settings), SystemClock().now())).keys

    for place, key in enumerate(asyncio.run(work())):
        click.echo(f"{key.kid}\t{key.algorithm}\t{'signs' if place == 0 else 'verifies'}")


@keys.command("rotate")
@click.pass_obj
def rotate_(settings: Settings) -> None:
    """Sign with a new key. The old one verifies until its last token has ended."""

    async def work() -> Key:
        async with opened(settings) as database:
            return await rotate(database, vault(settings), settings, SystemClock().now())

    key = asyncio.run(work())
    click.echo(f"{key.kid} ({key.algorithm}) signs; running servers follow within half a minute.")
