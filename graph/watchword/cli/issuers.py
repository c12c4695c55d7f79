"""`watchword issuers`: checks the trusted identity providers, and links their people to accounts."""

from __future__ import annotations

import asyncio

import click

from watchword.auth.accounts.accounts import find_account
from watchword.auth.accounts.links import link, unlink
from watchword.auth.tables import Account
from watchword.cli.accounts import write
from watchword.config.settings import Settings
from watchword.config.trusted_issuer import TrustedIssuer
from watchword.errors import NotFound, Unsafe
from watchword.process.clock import SystemClock
from watchword.tokens.jose.jwk import BadKey, read_set
from watchword.transaction import Transaction
from watchword.trust.discovery import discover
from watchword.trust.fetch import FetchFailed, fetch, time_limit


@click.group()
def issuers() -> None:
    """Check the trusted identity providers, and link their people to accounts."""


@issuers.command()
@click.pass_obj
def check(settings: Settings) -> None:
    """Fetch the keys of each trusted issuer, as the server does."""
    failures = 0
    for issuer in settings.trusted_issuers:
        try:
            said = asyncio.run(_look(issuer))
        except (FetchFailed, BadKey) as failure:
            failures += 1
            said = f"problem\t{failure}"
        click.echo(f"{issuer.name}\t{issuer.issuer}\t{said}")
    if failures:
        raise Unsafe(f"{failures} of {len(settings.trusted_issuers)} issuers cannot be used.")


@issuers.command("link")
@click.argument("name")
@click.argument("subject")
@click.argument("email")
@click.pass_obj
def link_(settings: Settings, name: str, subject: str, email: str) -> None:
    """Link SUBJECT, a person of the issuer NAME, to the account of EMAIL.

    An equal e-mail address alone links nobody. Check first that both are the same person.
    """
    issuer = _named(settings, name)

    async def work(unit: Transaction) -> None:
        account = await find_account(unit.db, email)
        if account is None:
            raise NotFound(f"There is no account for {email}.")
        await link(unit, issuer.issuer, subject, account.id)

    write(settings, work)
    click.echo(f"{subject} of {name} is {email} here.")


@issuers.command("unlink")
@click.argument("name")
@click.argument("subject")
@click.pass_obj
def unlink_(settings: Settings, name: str, subject: str) -> None:
    """Unlink SUBJECT, a person of the issuer NAME, from its account, so that it can be linked anew.

    All tokens of the account that were issued before are refused at once, on all servers.
    """
    issuer = _named(settings, name)

    async def work(unit: Transaction) -> Account:
        return await unlink(unit, issuer.issuer, subject)

    account = write(settings, work)
    click.echo(f"{subject} of {name} is {account.email} no more.")


def _named(settings: Settings, name: str) -> TrustedIssuer:
    issuer = next((one for one in settings.trusted_issuers if one.name == name), None)
    if issuer is None:
        raise Unsafe(f"WATCHWORD_TRUSTED_ISSUERS has no entry of the name {name!r}.")
    return issuer


async def _look(issuer: TrustedIssuer) -> str:
    now = SystemClock().now()
    async with time_limit():
        found = await discover(issuer, now)
        fetched = await fetch(found.jwks_url, issuer.places, now)
    keys, left_out = read_set(fetched.document, issuer.algorithms)
    if not keys:
        reasons = ", ".join(dict.fromkeys(map(str, left_out)))
        raise BadKey(f"none of its keys can be used: {reasons or 'there are none'}")
    return f"ok\t{sum(map(len, keys.values()))} keys"
