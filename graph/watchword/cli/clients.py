"""`watchword clients`: the applications and services that may request tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

from watchword.cli.accounts import write
from watchword.config.settings import Settings
from watchword.domain import Domain, load
from watchword.errors import BadUserInput
from watchword.oauth.clients.clients import (
    NewSecret,
    add_client,
    add_secret,
    change_client,
    disable_client,
    get_client,
    page_of_clients,
    remove_secret,
    revoke_client,
    secrets_of,
)
from watchword.oauth.clients.registration import ClientAuthMethod, Grant, Registration
from watchword.oauth.tables import Client
from watchword.relay.page import page
from watchword.transaction import Transaction

PAGE = 100
_GRANT = click.Choice([grant.value for grant in Grant])


@click.group()
def clients() -> None:
    """Register and change applications and services that request tokens."""


@clients.command()
@click.argument("name")
@click.option(
    "--grant",
    "grants",
    multiple=True,
    type=_GRANT,
    help="A grant with which it may request tokens.",
)
@click.option("--scope", "scopes", multiple=True, help="A scope that its tokens may have.")
@click.option("--role", "roles", multiple=True, help="A role that it has when it acts for itself.")
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, help="A URI that people are sent back to."
)
@click.option("--public", "is_public", is_flag=True, help="The client cannot keep a secret.")
@click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with its public keys (RFC 7517): it signs assertions instead of having a secret.",
)
@click.option("--dpop", "needs_dpop", is_flag=True, help="Its tokens must be bound to a key.")
@click.option("--introspect", "may_introspect", is_flag=True, help="It may introspect tokens.")
@click.pass_obj
def add(settings: Settings, /, name: str, is_public: bool, jwks: Path | None, **asked: Any) -> None:
    """Register a client called NAME. Give --grant, --scope, --role and --redirect-uri once per value."""
    if is_public and jwks is not None:
        raise click.UsageError("--public and --jwks exclude each other.")
    way = ClientAuthMethod.NONE if is_public else ClientAuthMethod.SECRET
    way = ClientAuthMethod.KEY if jwks is not None else way
    read = _read(jwks) if jwks is not None else None
    registration = Registration(name, authentication=way.value, jwks=read, **asked)

    async def work(unit: Transaction) -> tuple[Client, NewSecret | None]:
        made = await add_client(unit, _domain(settings), registration)
        has_secret = way is ClientAuthMethod.SECRET
        return made, await add_secret(unit, made.id) if has_secret else None

    client, secret = write(settings, work)
    click.echo(f"Client: {client.id}")
    if secret is not None:
        _show(secret)


@clients.command("list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List all clients, the oldest first."""

    async def work(unit: Transaction) -> None:
        after = None
        while True:
            found = await page_of_clients(unit.db, page(PAGE, after, None, None))
            for client in found.rows:
                state = "disabled" if client.disabled_at else "enabled"
                grants = ",".join(client.grants)
                click.echo(
                    f"{client.id}\t{client.name}\t{client.authentication}\t{grants}\t{state}"
                )
            if not found.has_next:
                break
            after = found.cursors[-1]
        if not found.rows and after is None:
            click.echo("There are no clients yet: `watchword clients add --help`.", err=True)

    write(settings, work)


@clients.command()
@click.argument("client")
@click.pass_obj
def show(settings: Settings, client: str) -> None:
    """Show everything about CLIENT except its secrets, which cannot be read again."""

    async def work(unit: Transaction) -> None:
        found = await get_client(unit.db, client)
        for name, value in _lines(found):
            click.echo(f"{name:<15} {value}")
        for known in await secrets_of(unit.db, client):
            click.echo(f"{'secret':<15} {known.id} of {known.created_at:%Y-%m-%d %H:%M} UTC")

    write(settings, work)


@clients.command("set")
@click.argument("client")
@click.option("--name")
@click.option("--grant", "grants", multiple=True, type=_GRANT)
@click.option("--scope", "scopes", multiple=True)
@click.option("--role", "roles", multiple=True)
@click.option("--no-roles", is_flag=True, help="Remove all its roles.")
@click.option("--redirect-uri", "redirect_uris", multiple=True)
@click.option("--no-redirect-uris", is_flag=True, help="Remove all its redirect URIs.")
@click.option("--jwks", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dpop/--no-dpop", "needs_dpop", default=None)
@click.option("--introspect/--no-introspect", "may_introspect", default=None)
@click.pass_obj
def set_(
    settings: Settings,
    /,
    client: str,
    no_roles: bool,
    no_redirect_uris: bool,
    jwks: Path | None,
    **asked: Any,
) -> None:
    """Change CLIENT. An option replaces the values that it had; the others stay.

    If the client loses something, its tokens end at once.
    """
    changes = {name: value for name, value in asked.items() if value not in (None, ())}
    changes |= {"roles": ()} if no_roles else {}
    changes |= {"redirect_uris": ()} if no_redirect_uris else {}
    changes |= {"jwks": _read(jwks)} if jwks is not None else {}
    if not changes:
        raise click.UsageError("Say what to change.")

    async def work(unit: Transaction) -> None:
        await change_client(unit, _domain(settings), client, changes)

    write(settings, work)
    click.echo(f"{client} is changed.")


@clients.command()
@click.argument("client")
@click.pass_obj
def disable(settings: Settings, client: str) -> None:
    """Disable CLIENT for good, and end all its sessions and tokens."""

    async def work(unit: Transaction) -> None:
        await disable_client(unit, client)

    write(settings, work)
    click.echo(f"{client} gets no tokens any more, and those that it has are no good.")


@clients.command()
@click.argument("client")
@click.pass_obj
def revoke(settings: Settings, client: str) -> None:
    """End all sessions and tokens of CLIENT. It may request new ones."""

    async def work(unit: Transaction) -> None:
        await revoke_client(unit, client)

    write(settings, work)
    click.echo(f"The tokens that {client} has are no good any more.")


@clients.group()
def secret() -> None:
    """Rotate a client's secret: add one, use it everywhere, remove the old one."""


@secret.command("add")
@click.argument("client")
@click.pass_obj
def add_secret_(settings: Settings, client: str) -> None:
    """Add a second secret to CLIENT."""

    async def work(unit: Transaction) -> NewSecret:
        return await add_secret(unit, client)

    _show(write(settings, work))


@secret.command("remove")
@click.argument("client")
@click.argument("id")
@click.pass_obj
def remove_secret_(settings: Settings, client: str, id: str) -> None:
    """Remove the secret ID (see `show`) of CLIENT. Tokens that it got with the secret stay valid."""

    async def work(unit: Transaction) -> None:
        await remove_secret(unit, client, id)

    write(settings, work)
    click.echo(f"{client} cannot use this secret any more.")


def _domain(settings: Settings) -> Domain:
    return load(settings.mount).domain


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadUserInput(f"{path} is not JSON: {error.msg}.") from error


def _show(made: NewSecret) -> None:
    click.echo(f"Secret: {made.text}  (shown this once; its id is {made.id})")


def _lines(client: Client) -> list[tuple[str, str]]:
    keys = client.jwks["keys"] if client.jwks else []
    return [
        ("client_id", client.id),
        ("name", client.name),
        ("authentication", client.authentication),
        ("grants", " ".join(client.grants)),
        ("scopes", " ".join(client.scopes)),
        ("roles", " ".join(client.roles)),
        ("redirect_uris", " ".join(client.redirect_uris)),
        ("keys", " ".join(key["kid"] for key in keys)),
        ("needs DPoP", "yes" if client.needs_dpop else "no"),
        ("may introspect", "yes" if client.may_introspect else "no"),
        ("state", "disabled" if client.disabled_at else "enabled"),
    ]
