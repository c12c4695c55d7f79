"""`watchword accounts`: the accounts with which people sign in."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from watchword.auth.accounts.accounts import (
    add_account,
    checked_address,
    disable,
    enable,
    find_account,
    list_accounts,
    rename,
    set_password,
    set_roles,
    sign_out,
)
from watchword.auth.sign_in.factors import reset
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import Account
from watchword.cli.operator import operator
from watchword.config.settings import Settings
from watchword.domain import load
from watchword.errors import NotFound, Unsafe
from watchword.transaction import Transaction

T = TypeVar("T")


@click.group()
def accounts() -> None:
    """Add and change accounts."""


@accounts.command()
@click.argument("email")
@click.option("--name", help="The person's name; the e-mail's first part when not given.")
@click.option("--role", "roles", multiple=True, help="A role; may be given several times.")
@click.option(
    "--password", envvar="WATCHWORD_PASSWORD", help="Generated and shown once when not given."
)
@click.pass_obj
def add(
    settings: Settings, email: str, name: str | None, roles: tuple[str, ...], password: str | None
) -> None:
    """Add an account for EMAIL."""
    check_own_passwords(settings)
    check_roles(settings, roles)
    checked_address(email)
    chosen = secrets.token_urlsafe(18) if password is None else password
    hash = asyncio.run(hash_chosen(chosen))

    async def work(unit: Transaction) -> Account:
        return await add_account(
            unit, email=email, name=name or email.partition("@")[0], roles=roles, hash=hash
        )

    account = write(settings, work)
    click.echo(f"{account.email} can sign in, with {_roles(account)}.")
    if password is None:
        click.echo(f"Password: {chosen}  (shown this once)")


@accounts.command("list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List all accounts."""

    async def work(unit: Transaction) -> None:
        for account in await list_accounts(unit.db):
            state = "disabled" if account.disabled_at else "enabled"
            click.echo(f"{account.email}\t{account.name}\t{','.join(account.roles)}\t{state}")

    write(settings, work)


@accounts.command("set-roles")
@click.argument("email")
@click.argument("roles", nargs=-1)
@click.pass_obj
def set_roles_(settings: Settings, email: str, roles: tuple[str, ...]) -> None:
    """Set the roles of EMAIL to ROLES. Clients that are connected must renew their tokens at once."""
    check_roles(settings, roles)

    async def work(unit: Transaction) -> Account:
        return await set_roles(unit, (await _find(unit, email)).id, roles)

    account = write(settings, work)
    click.echo(f"{account.email} has {_roles(account)}.")


@accounts.command("rename")
@click.argument("account")
@click.argument("email")
@click.pass_obj
def rename_(settings: Settings, account: str, email: str) -> None:
    """Change the e-mail address of ACCOUNT (its present address, or its id) to EMAIL."""

    async def work(unit: Transaction) -> Account:
        return await rename(unit, (await _find(unit, account)).id, email)

    renamed = write(settings, work)
    click.echo(f"{renamed.email} can sign in.")


@accounts.command("set-password")
@click.argument("email")
@click.option(
    "--password", envvar="WATCHWORD_PASSWORD", help="Generated and shown once when not given."
)
@click.pass_obj
def set_password_(settings: Settings, email: str, password: str | None) -> None:
    """Set the password of EMAIL, and end its sessions."""
    check_own_passwords(settings)
    chosen = secrets.token_urlsafe(18) if password is None else password
    hash = asyncio.run(hash_chosen(chosen))

    async def work(unit: Transaction) -> None:
        await set_password(unit, (await _find(unit, email)).id, hash)

    write(settings, work)
    click.echo(f"{email} has another password, and must sign in again.")
    if password is None:
        click.echo(f"Password: {chosen}  (shown this once)")


@accounts.command("disable")
@click.argument("email")
@click.pass_obj
def disable_(settings: Settings, email: str) -> None:
    """Disable the account of EMAIL, and end its sessions."""

    async def work(unit: Transaction) -> None:
        await disable(unit, (await _find(unit, email)).id)

    write(settings, work)
    click.echo(f"{email} cannot sign in any more.")


@accounts.command("enable")
@click.argument("email")
@click.pass_obj
def enable_(settings: Settings, email: str) -> None:
    """Enable the disabled account of EMAIL."""

    async def work(unit: Transaction) -> None:
        await enable(unit, (await _find(unit, email)).id)

    write(settings, work)
    click.echo(f"{email} can sign in.")


@accounts.command("sign-out")
@click.argument("email")
@click.pass_obj
def sign_out_(settings: Settings, email: str) -> None:
    """End all sessions and tokens of EMAIL at once, on all servers."""

    async def work(unit: Transaction) -> None:
        await sign_out(unit, (await _find(unit, email)).id)

    write(settings, work)
    click.echo(f"{email} must sign in again, wherever it was signed in.")


@accounts.command("reset-factors")
@click.argument("email")
@click.pass_obj
def reset_factors(settings: Settings, email: str) -> None:
    """Remove the passkeys and the second factor of EMAIL, and end its sessions. The password remains."""

    async def work(unit: Transaction) -> None:
        await reset(unit, (await _find(unit, email)).id)

    write(settings, work)
    click.echo(f"{email} has no passkeys and no second factor, and signs in by password.")


def write(settings: Settings, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run a command's work as one transaction, with the operator as its actor."""

    async def run() -> T:
        async with operator(settings) as held, held.write() as unit:
            return await work(unit)

    return asyncio.run(run())


async def _find(unit: Transaction, email: str) -> Account:
    account = await find_account(unit.db, email)
    if account is None and "@" not in email:
        # Accept an id too: migration 0005 names accounts by their ids when two addresses became equal.
        account = await unit.db.get(Account, email)
    if account is None:
        raise NotFound(f"There is no account for {email}.")
    return account


def check_own_passwords(settings: Settings) -> None:
    """Raise `Unsafe` when the users table of the mounted schema keeps the passwords."""
    if load(settings.mount).domain.accounts is not None:
        raise Unsafe(
            f"{settings.mount} has a users table of its own (Domain.accounts), which keeps accounts and passwords."
            " Change them there."
        )


def check_roles(settings: Settings, roles: tuple[str, ...]) -> None:
    """Raise `Unsafe` when the mounted schema does not know one of these roles."""
    known = load(settings.mount).domain.roles
    for role in roles:
        if known and role not in known:
            raise Unsafe(
                f"There is no role {role!r} in {settings.mount} (WATCHWORD_MOUNT). Roles are"
                f" {', '.join(known)}."
            )


def _roles(account: Account) -> str:
    return f"the roles {', '.join(account.roles)}" if account.roles else "no roles"
