"""The app under test, as the fixture `watchword` gives it: callers, a clock, its database and its address."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from watchword.bootstrap import bootstrap
from watchword.config.settings import Settings
from watchword.events.event import Event
from watchword.process.clock import SystemClock
from watchword.testing.caller import Caller, Calls, Identity, Named, SyncCaller
from watchword.testing.cheap_passwords import cheap_passwords
from watchword.testing.clock import MovedClock
from watchword.testing.databases import Databases
from watchword.testing.host import Host
from watchword.testing.mounted import Target, for_tests, target
from watchword.testing.service import Service
from watchword.transaction import Transaction

T = TypeVar("T")
C = TypeVar("C", bound=Named)


class Clock:
    """The clock of the app under test. It stands still until it is moved."""

    def __init__(self, host: Host, service: Service) -> None:
        self._host = host
        self._service = service

    def now(self) -> float:
        """Return the time in Unix seconds. When the test begins, it is the machine's."""
        return self._service.clock.now()

    def move(self, seconds: float) -> None:
        """Move the time forward: tokens expire, connections are asked to renew, and deadlines pass, in their order."""
        self._host.call(self._service.move(seconds))


class _App(Generic[C]):
    def __init__(self, host: Host, service: Service, kind: Callable[[Host, Calls], C]) -> None:
        self._host = host
        self._service = service
        self._kind = kind

    @property
    def clock(self) -> Clock:
        """The clock of the app, which a test moves."""
        return Clock(self._host, self._service)

    @property
    def settings(self) -> Settings:
        """The settings of the app in this test."""
        return self._service.watchword.settings

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of this test's database."""
        return self.settings.database_url

    @property
    def path(self) -> str:
        """The path at which Watchword is mounted in the app; "" if it is the app."""
        return self._service.path

    @property
    def url(self) -> str:
        """The app's address on 127.0.0.1, for other clients and browsers; it is served there from now on."""
        return self._host.call(self._service.listen())

    @property
    def anonymous(self) -> C:
        """A caller without a token."""
        return self._caller(Identity())

    def as_user(
        self,
        *,
        roles: Collection[str] = (),
        scopes: Collection[str] | None = None,
        claims: Mapping[str, Any] | None = None,
        email: str | None = None,
        name: str | None = None,
        password: str | None = None,
        methods: Collection[str] = ("pwd",),
    ) -> C:
        """Add an account with these roles, open a session for it, and return a caller with the session's token.

        The token carries the scopes that `Domain.roles` gives the roles, or exactly `scopes`; and the claims that
        `Domain.claims` adds, or exactly `claims`. With a `password` of at least 12 characters, the account can sign in with
        it. `methods` are those by which its person has authenticated, the token's `amr`: for example ["hwk", "user", "mfa"] of
        a passkey, or ["pwd", "otp", "mfa"]. Raises `ValueError` for a role or a scope that `Domain.roles` does not have, for claims that no token can have,
        and for a password if `Domain.accounts` checks them.
        """
        people = self._service.people
        return self._caller(
            self._host.call(people.add(roles, scopes, claims, email, name, password, methods))
        )

    def sign_in(self, email: str, password: str) -> C:
        """Sign in by the route for it, and return a caller with the token that it answers.

        Raises `AssertionError` with the answer if the sign-in is refused.
        """
        return self._caller(self._host.call(self._service.sign_in(email, password)))

    def revoke(self, caller: Caller | SyncCaller) -> None:
        """End the caller's session: its tokens are refused from now on, and its connections closed."""
        self._host.call(self._service.revoke(caller.calls.identity.session))

    def disable(self, caller: Caller | SyncCaller) -> None:
        """Disable the caller's account, which ends all its sessions."""
        self._host.call(self._service.disable(caller.id))

    def set_roles(self, caller: Caller | SyncCaller, roles: Collection[str]) -> None:
        """Replace the roles of the caller's account: its tokens are outdated until it renews them."""
        self._host.call(self._service.set_roles(caller.id, roles))

    def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Call an async function with a transaction, as the server itself, and return what it returns.

        Its rows and events are committed when the function ends, and not at all if it raises. Raises `TypeError` for a
        function that is not async.
        """
        return self._host.call(self._service.write(work))

    def publish(self, *events: Event) -> None:
        """Commit events, in one transaction."""

        async def work(unit: Transaction) -> None:
            for event in events:
                unit.publish(event)

        self.write(work)

    def _caller(self, identity: Identity) -> C:
        return self._kind(self._host, Calls(self._service.line, identity))


class SyncApp(_App[SyncCaller]):
    """The app under test, for tests without an event loop: its callers are `SyncCaller`s."""


class App(_App[Caller]):
    """The app under test. Its own methods may be called in tests with an event loop and without one; its callers are
    for tests with one. `sync` is the same app with callers for tests without one."""

    @property
    def sync(self) -> SyncApp:
        """The same app, with callers that have no coroutines."""
        return SyncApp(self._host, self._service, SyncCaller)


@contextmanager
def served(
    given: object,
    changes: Mapping[str, Any],
    server: str,
    databases: Databases,
    folder: Path,
    over: str,
) -> Iterator[App]:
    """Serve what `given` names (see `mounted.target`) for one test, on a fresh database.

    `changes` are of the settings, `server` is the URL of a server of PostgreSQL or "" (see `databases`), `folder` is
    empty, and `over` is how callers reach the app: "process" or "sockets".
    """
    tested = target(given)
    base = for_tests(tested.watchword.settings, changes)
    base = base.model_copy(update={"home": folder, "encryption_keys": (databases.encryption_key,)})
    mount = tested.watchword.mount

    async def prepare(url: str) -> None:
        await bootstrap(base.model_copy(update={"database_url": url}), mount, SystemClock())

    kind = (id(mount.schema), base.demo, base.algorithm, base.admin_email)
    with cheap_passwords(), databases.fresh(kind, prepare, server, folder) as url:
        settings = base.model_copy(update={"database_url": url})
        with _hosted(tested, settings, over) as app:
            yield app


@contextmanager
def _hosted(tested: Target, settings: Settings, over: str) -> Iterator[App]:
    host = Host()
    # Whole seconds, as in tokens.
    service = Service(tested, settings, MovedClock(float(int(time.time()))), over)
    host.open()
    try:
        host.call(service.open())
        try:
            yield App(host, service, Caller)
        finally:
            host.call(service.close())
    finally:
        host.close()
