"""A running server as a client of it sees it, for `watchword doctor --url` and `watchword limits report`."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from watchword.config.trusted_issuer import is_loopback
from watchword.errors import Unsafe

PATIENCE = 10.0
"""Seconds that an answer may take."""
UNREACHABLE = (httpx2.HTTPError, httpx2.InvalidURL, OSError)
"""What a request raises if no answer comes. `explain` says it in words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The server to ask, and what to ask it with."""

    url: str
    token: str | None = field(default=None, repr=False)
    subscription: str | None = None
    origin: str | None = None

    @property
    def is_near(self) -> bool:
        """Whether the server is on this machine, so that no network lies between."""
        return is_loopback(urlsplit(self.url).hostname or "")


def checked_url(given: str) -> str:
    """Return a server's URL without a slash at its end. Raises `Unsafe` for anything else."""
    try:
        url = urlsplit(given)
        is_url = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        is_url = False
    if not is_url or url.query or url.fragment or url.username is not None:
        raise Unsafe(
            f"--url is the address of a server, such as https://api.example.com, not {given!r}."
        )
    return given.rstrip("/")


class RunningServer:
    """A server and a client of it."""

    def __init__(self, asked: Asked, client: httpx2.AsyncClient, tls: ssl.SSLContext) -> None:
        self.asked = asked
        self.client = client
        self.tls = tls

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """Return the answer to a GET, whatever its status."""
        return await self.client.get(self.asked.url + path, headers=headers)

    async def document(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path. Raises `Unsafe` if there is none."""
        response = await self.get(path)
        try:
            found = response.json() if response.status_code == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unsafe(
                f"{path} answered {response.status_code} and no JSON object: let the proxy pass this path on."
            )
        return found

    @property
    def authorization(self) -> dict[str, str]:
        """The header with the token, if there is one."""
        return {"authorization": f"Bearer {self.asked.token}"} if self.asked.token else {}


@asynccontextmanager
async def running_server(asked: Asked) -> AsyncIterator[RunningServer]:
    """Open a client of a server for a block."""
    tls = ssl.create_default_context()
    async with httpx2.AsyncClient(
        verify=tls, timeout=PATIENCE, follow_redirects=False, trust_env=not asked.is_near
    ) as client:
        yield RunningServer(asked, client, tls)


def explain(error: BaseException) -> str:
    """Return why no answer came, and what to do."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return (
                f"The certificate is refused ({each.verify_message}): renew it, send its whole chain, or set"
                " SSL_CERT_FILE to the certificate of your own authority."
            )
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return (
            f"There is no answer in {PATIENCE:g} seconds: look at the proxy's and the server's log."
        )
    said = str(error) or type(error).__name__
    return f"The server cannot be reached ({said}): check the URL, the proxy and the firewall."
