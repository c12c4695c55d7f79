"""The session of a person, and the session of the public."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from watchword.client.errors import ClientError, Refused, SessionEnded, Unavailable
from watchword.client.server import Answer, Server, Token
from watchword.client.session import Session, granted


class Person(Session):
    """A person's session. Tokens are in memory only, unless `keep` stores them.

    `keep` is called with each new refresh token and the device token before they are used; a later process
    that is given both continues the session. Treat the refresh token as a password.
    """

    def __init__(
        self,
        server: Server | str,
        *,
        refresh_token: str | None = None,
        device_token: str | None = None,
        keep: Callable[[str, str | None], None] | None = None,
    ) -> None:
        super().__init__(Server(server) if isinstance(server, str) else server)
        self._refresh_token = refresh_token
        self._device_token = device_token
        self._keep = keep
        # The refresh token of a session that was signed out of while the server could not be told.
        self._leaving: str | None = None

    @property
    def is_signed_in(self) -> bool:
        """Tell whether there is a session, as far as this process knows."""
        return self._refresh_token is not None

    async def sign_in(
        self,
        email: str,
        password: str,
        *,
        otp: str | None = None,
        recovery_code: str | None = None,
    ) -> None:
        """Sign in. Raises `SecondFactorNeeded`, `Refused` and `Unavailable`.

        Raises `RuntimeError` if somebody is signed in: sign out first, or make another `Person`.
        """
        await self._settled()
        if self.is_signed_in:
            raise RuntimeError("Somebody is signed in: sign out first, or make another Person.")
        body = {**self._device(), "email": email, "password": password, "delivery": "body"}
        codes = {"otp": otp, "recovery_code": recovery_code}
        body |= {name: code for name, code in codes.items() if code is not None}
        asked_at = self.server.now()
        answer = await self.server.post("/api/auth/login", json=body)
        token = granted(answer, asked_at)
        self._store(answer)
        self._held = token

    async def sign_out(self) -> None:
        """End the session, here at once and then on the server.

        Raises `Unavailable` if the server does not know of it: sign out again. Live subscriptions of the
        session end with `SessionEnded`.
        """
        await self._settled()
        self._leaving = self._refresh_token or self._leaving
        self._end()
        if self._leaving is not None:
            body = {"refresh_token": self._leaving}
            answer = await self.server.post("/api/auth/logout", json=body)
            if answer.is_later:
                raise Unavailable(f"The server answered {answer.status}.", answer.retry_after)
            self._leaving = None

    async def step_up(self, password: str, *, otp: str | None = None) -> None:
        """Authenticate again on the same session, as STEP_UP_REQUIRED asks. Raises as `sign_in` does."""
        body = {"password": password} | ({} if otp is None else {"otp": otp})
        token, asked_at = await self.token(), self.server.now()
        answer = await self.server.post("/api/auth/step-up", token, json=body)
        self._held = granted(answer, asked_at)

    async def token(self) -> Token | None:
        """Return a valid access token. Raises `SessionEnded` and `Unavailable`."""
        if self._refresh_token is None:
            raise SessionEnded("Nobody is signed in.")
        return await super().token()

    async def _obtain(self) -> Token:
        used, asked_at = self._refresh_token, self.server.now()
        if used is None:
            raise SessionEnded("Nobody is signed in.")
        body = {**self._device(), "refresh_token": used}
        answer = await self.server.post("/api/auth/refresh", json=body)
        try:
            token = granted(answer, asked_at)
        except Refused as error:
            if error.error != "invalid_grant":
                raise
            self._end()
            raise SessionEnded("The session has ended. Sign in again.") from error
        if self._refresh_token == used:
            self._store(answer)
        return token

    def _store(self, answer: Answer) -> None:
        refresh_token = answer.body.get("refresh_token")
        if not isinstance(refresh_token, str):
            raise ClientError("The answer has no refresh token: is it Watchword?")
        self._refresh_token = refresh_token
        self._device_token = answer.body.get("device_token", self._device_token)
        if self._keep is not None:
            self._keep(self._refresh_token, self._device_token)

    def _device(self) -> dict[str, str]:
        return {} if self._device_token is None else {"device_token": self._device_token}

    def _end(self) -> None:
        was_signed_in, self._refresh_token, self._held = self.is_signed_in, None, None
        if was_signed_in:
            self._tell_end()

    async def _settled(self) -> None:
        """Wait for a renewal that is on its way: only its answer has the newest refresh token."""
        if self._renewing is not None:
            await asyncio.wait({self._renewing})


class Public(Session):
    """The session of nobody: it sees what the public sees."""

    def __init__(self, server: Server | str) -> None:
        super().__init__(Server(server) if isinstance(server, str) else server)

    async def token(self) -> Token | None:
        """Return None: there is no token."""
        return None

    async def _obtain(self) -> Token:
        raise SessionEnded("The public has no token.")
