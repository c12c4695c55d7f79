"""`watchword doctor`: checks the installation, and says what is wrong and what to do about it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime

import click
from sqlalchemy import select

from watchword.auth.accounts.accounts import ADMIN, list_admins, twins
from watchword.auth.accounts.demo_people import able
from watchword.auth.keys import reseal
from watchword.auth.keys.signing_keys import load as load_keys
from watchword.auth.tables import Account
from watchword.bootstrap import packages
from watchword.cli.documents import check_all
from watchword.cli.failures import FAILURES, explain
from watchword.cli.operator import opened
from watchword.cli.running_server import Asked, checked_url
from watchword.cli.server_checks import CHECKS as SERVER_CHECKS
from watchword.cli.server_checks import examine
from watchword.config import bus_url
from watchword.config.settings import Settings
from watchword.domain import load
from watchword.errors import Unsafe
from watchword.events.bus import buses
from watchword.execution.documents.manifest import read_manifests
from watchword.explorer.assets import NotInstalled
from watchword.explorer.assets import load as load_assets
from watchword.permissions import coverage
from watchword.process import clock_check
from watchword.process.clock import SystemClock
from watchword.process.clock_check import TOLERANCE
from watchword.storage.migration import pending
from watchword.storage.vault import vault

Check = Callable[[Settings], Awaitable[str]]
"""Returns a text that says what is in order. Raises `Unsafe`, which says what is wrong and what to do."""


@click.command()
@click.option("--url", metavar="URL", help="Ask a running server instead, as its clients do.")
@click.option(
    "--token", envvar="WATCHWORD_TOKEN", show_envvar=True, help="With --url: an access token."
)
@click.option(
    "--subscription",
    metavar="DOCUMENT",
    help="With --url: a subscription, to see whether a proxy holds events back.",
)
@click.option("--origin", help="With --url: the origin of a front end that must be allowed.")
@click.pass_obj
def doctor(
    settings: Settings,
    url: str | None,
    token: str | None,
    subscription: str | None,
    origin: str | None,
) -> None:
    """Check settings, schema, database, bus, clock and keys; say what is wrong and what to do.

    With --url, ask a running server: its certificate, health, clock, metadata, keys, a query, a socket, a stream, CORS.
    """
    if url is not None:
        _ask(Asked(checked_url(url), token, subscription, origin))
        return
    click.echo("ok       settings  every value can be used")
    failures = asyncio.run(_examine(settings))
    if failures:
        raise Unsafe(f"{failures} of {len(CHECKS) + 1} checks found something.")


def _ask(asked: Asked) -> None:
    def tell(verdict: str, name: str, said: str) -> None:
        click.echo(f"{verdict:<8} {name:<9} {said}")

    if failures := asyncio.run(examine(asked, tell)):
        raise Unsafe(f"{failures} of {len(SERVER_CHECKS)} checks found something.")


async def _examine(settings: Settings) -> int:
    failures = 0
    for name, check in CHECKS.items():
        try:
            click.echo(f"ok       {name:<9} {await check(settings)}")
        except (Unsafe, ValueError, *FAILURES) as error:
            failures += 1
            said = explain(error) if isinstance(error, FAILURES) else str(error)
            click.echo(f"problem  {name:<9} {said}")
    return failures


async def _home(settings: Settings) -> str:
    home = settings.home.absolute()
    if not home.is_dir() or not os.access(home, os.W_OK):
        raise Unsafe(f"{home} is no directory that can be written to; start the server once.")
    return f"{home} can be written to"


async def _schema(settings: Settings) -> str:
    mount = load(settings.mount)
    coverage.cover(mount.schema, mount.domain, settings.coverage)
    return f"{settings.mount} can be loaded, and {coverage.sentence(settings.coverage)}"


async def _documents(settings: Settings) -> str:
    if settings.documents is None:
        return "are not set, and clients send their own"
    entries = read_manifests(settings.documents)
    if found := check_all(settings, entries):
        raise Unsafe(
            f"{len(found)} of {len(entries)} trusted documents cannot be run, which `watchword documents check`"
            f" lists. The first is {found[0].entry.described}: {found[0].reason}"
        )
    return f"can be run, all {len(entries)}"


async def _database(settings: Settings) -> str:
    async with opened(settings) as database:
        if behind := await pending(database, packages(load(settings.mount))):
            raise Unsafe(f"{', '.join(behind)} must be migrated; start the server, which does it.")
        # Drop the query: drivers accept a password there too, and SQLAlchemy does not hide it.
        return f"{database.url.set(query={}).render_as_string()} answers and is migrated"


async def _bus(settings: Settings) -> str:
    if not bus_url.between_processes(settings.bus_url):
        return "is this process, and needs nothing"
    try:
        await buses.reach(settings.bus_url)
    except buses.Unreachable as error:
        raise Unsafe(
            f"Redis does not answer ({error}): start it, or correct"
            " WATCHWORD_BUS_URL. Until then events arrive by the log, a second late."
        ) from error
    return "Redis answers"


async def _clock(settings: Settings) -> str:
    """Check that neither the database's clock nor the newest account is ahead of this machine's clock."""
    now = SystemClock().now()
    async with opened(settings) as database, database.read() as db:
        newest = await db.scalar(select(Account.created_at).order_by(Account.created_at.desc()))
        if isinstance(newest, datetime) and newest.timestamp() > now + TOLERANCE:
            raise Unsafe("This machine's clock is behind what was written before: set it by NTP.")
        await clock_check.check(database, TOLERANCE)
    return "is plausible"


async def _keys(settings: Settings) -> str:
    async with opened(settings) as database:
        box = vault(settings)
        ring = await load_keys(database, box, SystemClock().now())
        count = await reseal.check(database, box)
    if not ring.keys:
        raise Unsafe("There is no signing key; start the server, which makes one.")
    if settings.algorithm not in {key.algorithm for key in ring.keys}:
        raise Unsafe(
            f"WATCHWORD_ALGORITHM is {settings.algorithm}, and no signing key is for it: run"
            " `watchword keys rotate`."
        )
    signing = ring.signing
    return (
        f"{signing.kid} ({signing.algorithm}) signs, and all that is sealed ({count}) can be opened"
    )


async def _admin(settings: Settings) -> str:
    async with opened(settings) as database, database.read() as db:
        found = await list_admins(db)
    if not found:
        roles = load(settings.mount).domain.roles
        if roles and ADMIN not in roles:
            return f"is no role of {settings.mount}, so nobody needs it"
        raise Unsafe(
            "Nobody who can sign in here is admin: run `watchword accounts add EMAIL --role admin`."
        )
    return f"{found[0].email} can administrate"


async def _demo(settings: Settings) -> str:
    people = load(settings.mount).domain.demo_people
    async with opened(settings) as database, database.read() as db:
        named = ", ".join(each.email for each in await able(db, people))
    if not named:
        return "has no people that can sign in"
    if not settings.is_local or settings.demo_people is False:
        raise Unsafe(f"{named} can sign in: start the server, which disables them.")
    return f"{named} can sign in, because only this machine reaches the server"


async def _addresses(settings: Settings) -> str:
    async with opened(settings) as database, database.read() as db:
        found = await twins(db)
    if found:
        raise Unsafe(
            f"{len(found)} accounts have the address of another one in another spelling, the first is"
            f" {found[0].email} ({found[0].id}): watchword accounts rename {found[0].id} NEW_ADDRESS"
        )
    return "are each one account's"


async def _explorer(settings: Settings) -> str:
    if not settings.explorer:
        return "is switched off"
    try:
        load_assets()
    except NotInstalled as missing:
        raise Unsafe(str(missing)) from missing
    return "is installed"


CHECKS: dict[str, Check] = {
    "home": _home,
    "schema": _schema,
    "documents": _documents,
    "database": _database,
    "bus": _bus,
    "clock": _clock,
    "keys": _keys,
    "admin": _admin,
    "demo": _demo,
    "addresses": _addresses,
    "explorer": _explorer,
}
