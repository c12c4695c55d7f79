"""`watchword token`: mints a token to try something, or explains one that does not work."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass

import click

from watchword.auth.accounts.accounts import find_account
from watchword.auth.accounts.links import check_standing, find
from watchword.auth.audit.audit import Action, record
from watchword.auth.keys.signing_keys import load as load_keys
from watchword.auth.revocation.identity_events import STREAM
from watchword.auth.service import LONGEST_TOKEN, expected, revocations
from watchword.auth.tables import Account
from watchword.cli.accounts import check_roles, write
from watchword.cli.operator import opened
from watchword.config.settings import Settings
from watchword.domain import Domain, load
from watchword.errors import InvalidToken, NotFound, Unsafe, WatchwordError
from watchword.events.log.event_log import EventLog
from watchword.principal import FIRST_PARTY, Principal, is_delegated
from watchword.process.background import Background
from watchword.process.clock import Clock, SystemClock
from watchword.storage.vault import vault
from watchword.tokens.explanation import Explanation, explain
from watchword.tokens.issue import IssuedToken, TokenIssuer
from watchword.tokens.keys import KeyRing
from watchword.tokens.verify import Verifier
from watchword.transaction import Transaction
from watchword.trust.issuers import IssuerVerifier, TrustedIssuers

# Characters of a client's id that fit into the audit log.
LONGEST_CLIENT = 200


@click.group()
def token() -> None:
    """Mint an access token, or inspect one."""


@token.command()
@click.option("--account", "email", help="Take subject, roles and scopes from this account.")
@click.option("--subject", help="The claim sub, without an account.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    help="A role; may be given several times. Applications have none.",
)
@click.option("--scope", "scopes", multiple=True, help="A scope; may be given several times.")
@click.option("--client-id", default=FIRST_PARTY, show_default=True, help="The claim client_id.")
@click.option(
    "--seconds",
    type=int,
    help="Its lifetime, at most that of the settings; below 0 it has expired already.",
)
@click.pass_obj
def mint(
    settings: Settings,
    email: str | None,
    subject: str | None,
    roles: tuple[str, ...],
    scopes: tuple[str, ...],
    client_id: str,
    seconds: int | None,
) -> None:
    """Print an access token, and record that in the audit log.

    Anyone who has the token can act as its account or subject: handle it like a password.
    """
    if bool(email) == bool(subject):
        raise click.UsageError("Give either --account or --subject.")
    if roles and is_delegated(subject or "", client_id):
        raise click.UsageError("A token for an application has no roles: give it --scope.")
    if seconds is not None and seconds > settings.access_token_seconds:
        raise Unsafe(f"A token lives at most {settings.access_token_seconds} seconds.")
    if len(client_id) > LONGEST_CLIENT:
        raise click.UsageError(f"--client-id has at most {LONGEST_CLIENT} characters.")
    check_roles(settings, roles)
    click.echo(
        _mint(settings, MintOptions(email or None, subject, roles, scopes, client_id, seconds))
    )


@token.command()
@click.argument("text", metavar="[TOKEN]", default="-")
@click.pass_obj
def inspect(settings: Settings, text: str) -> None:
    """Explain every claim of TOKEN (or of standard input), and say why it would be refused."""
    # Replace bytes that are not UTF-8: the text is then refused like any other that is not a token.
    given = sys.stdin.buffer.read() if text == "-" else os.fsencode(text)
    token = given.decode(errors="replace").strip().removeprefix("Bearer ")
    explanation = asyncio.run(_explain(settings, token))
    for line in explanation.lines:
        name, value = _escaped(line.name), _escaped(line.value)
        click.echo(f"{name:<10} {value}\n{'':<10} {line.meaning}")
    if explanation.refused:
        raise Unsafe(f"It would be refused: {explanation.refused}.")
    is_bound = any(line.name == "cnf" for line in explanation.lines)
    click.echo(f"It would be accepted{', with a DPoP proof of its key' if is_bound else ''}.")


@dataclass(frozen=True, slots=True)
class MintOptions:
    """The options of `mint`. An account gives the subject, and the roles if no --role is given."""

    email: str | None
    subject: str | None
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    client_id: str
    seconds: int | None


def _mint(settings: Settings, asked: MintOptions) -> str:
    ring = asyncio.run(_ring(settings))

    async def work(unit: Transaction) -> str:
        account = None if asked.email is None else await _enabled_account(unit, asked.email)
        issued = _issue(settings, ring, asked, account, unit.now)
        record(
            unit,
            Action.TOKEN_MINTED,
            account=account.id if account else None,
            client=asked.client_id,
            token=issued.id,
            scope=issued.scope,
            **({} if account else {"subject": asked.subject or ""}),
        )
        return issued.token

    # The token is printed only after its audit entry is committed.
    return write(settings, work)


async def _enabled_account(unit: Transaction, email: str) -> Account:
    account = await find_account(unit.db, email)
    if account is None:
        raise NotFound(f"There is no account for {email}.")
    if account.disabled_at is not None:
        raise Unsafe(f"{email} is disabled: every token of it is refused.")
    return account


def _issue(
    settings: Settings, ring: KeyRing, asked: MintOptions, account: Account | None, now: float
) -> IssuedToken:
    roles = asked.roles or (tuple(account.roles) if account else ())
    issuer = TokenIssuer(settings.issuer, settings.audience, settings.access_token_seconds)
    return issuer.issue(
        ring,
        subject=account.id if account else asked.subject or "",
        roles=roles,
        scopes=asked.scopes or load(settings.mount).domain.scopes(frozenset(roles)),
        session=None,
        version=account.version if account else None,
        now=now,
        client_id=asked.client_id,
        seconds=asked.seconds,
    )


async def verified(settings: Settings, text: str) -> Principal:
    """Return the principal of an access token, verified as the server does. Raises `InvalidToken` and the like."""
    clock, domain = SystemClock(), load(settings.mount).domain
    issuer = _issuers(settings, clock, domain).of(text)
    return await _verified(settings, domain, clock, text, issuer)


async def _explain(settings: Settings, text: str) -> Explanation:
    clock, domain = SystemClock(), load(settings.mount).domain
    issuer = _issuers(settings, clock, domain).of(text)
    error: WatchwordError | None = None
    try:
        await _verified(settings, domain, clock, text, issuer)
    except WatchwordError as refused:
        error = refused
    return explain(text, error, clock.now(), None if issuer is None else issuer.trusted.name)


def _issuers(settings: Settings, clock: Clock, domain: Domain) -> TrustedIssuers:
    leeway, background = settings.leeway_seconds, Background(clock)
    return TrustedIssuers(settings.trusted_issuers, clock, leeway, domain.roles, background)


async def _verified(
    settings: Settings, domain: Domain, clock: Clock, text: str, issuer: IssuerVerifier | None
) -> Principal:
    if issuer is None:
        return await _verify(settings, domain, clock, text)
    return await _verify_elsewhere(settings, issuer, text)


async def _verify(settings: Settings, domain: Domain, clock: Clock, text: str) -> Principal:
    verifier = Verifier(expected(settings), clock, 0)
    verifier.use(await _ring(settings))
    principal = verifier.verify(text)
    known = revocations(settings, domain)
    async with opened(settings) as database:
        happened, _ = await EventLog(database).since(STREAM, clock.now() - LONGEST_TOKEN)
    for event, at in happened:
        known.add(event, at)
    known.check(principal)
    return principal


async def _verify_elsewhere(settings: Settings, issuer: IssuerVerifier, text: str) -> Principal:
    """Verify a trusted issuer's token as the server does, with its keys, but without adding an account."""
    verified = await issuer.verify(text)
    async with opened(settings) as database, database.read() as db:
        found = await find(db, issuer.trusted.issuer, verified.person.subject)
    if found is not None:
        check_standing(*found, verified.principal, settings.leeway_seconds)
    elif issuer.trusted.accounts == "known":
        raise InvalidToken("no account")
    return verified.principal


def _escaped(text: str) -> str:
    """Escape control characters: an attacker may have written the token to manipulate the terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


async def _ring(settings: Settings) -> KeyRing:
    async with opened(settings) as database:
        ring = await load_keys(database, vault(settings), SystemClock().now())
    if not ring.keys:
        raise Unsafe("There is no signing key yet: start the server once.")
    return ring
