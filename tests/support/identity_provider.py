"""A real OpenID provider in its own process: the certified `oidc-provider` on Node.js."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.node import installed

FOLDER = Path(__file__).parent.parent / "identity_provider"
AUDIENCE = "https://api.example"
PATIENCE = 60
CALLBACK = "http://127.0.0.1/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Tokens:
    """The tokens of a person's sign-in at the provider."""

    access: str
    id: str


class IdentityProvider:
    """A running provider. `people` are its accounts and machines with their claims, by id."""

    def __init__(self, node: Path, people: dict[str, Any], alg: str = "ES256") -> None:
        self._node = node
        self._options = {"audience": AUDIENCE, "people": people, "alg": alg, "port": 0}
        self.start()

    def start(self) -> None:
        """Start the provider, on the same port as before."""
        self._process = subprocess.Popen(
            [str(self._node), str(FOLDER / "provider.mjs")],
            env={**os.environ, "PROVIDER_OPTIONS": json.dumps(self._options)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, said = self._process.communicate()
            raise AssertionError(f"the provider did not start:\n{said}")
        self.issuer: str = json.loads(line)["issuer"]
        self._options["port"] = urlsplit(self.issuer).port

    def kill(self) -> None:
        """Kill the provider without a shutdown."""
        # The virtual environment's `node` starts the real one as a child: kill both, as a process group.
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate(timeout=PATIENCE)

    def setting(self, **changes: Any) -> dict[str, Any]:
        """Return the entry of WATCHWORD_TRUSTED_ISSUERS for this provider."""
        good = {"name": "op", "issuer": self.issuer, "audience": AUDIENCE, "roles": "roles"}
        return good | changes

    def rotate(self) -> None:
        """Make the provider sign with a new key; the old keys stay published."""
        httpx2.post(f"{self.issuer}/-/rotate").raise_for_status()

    def hang(self) -> None:
        """Make the provider accept requests without answering."""
        httpx2.post(f"{self.issuer}/-/hang").raise_for_status()

    def machine_token(self) -> str:
        """Return an access token by the client-credentials grant (RFC 6749, section 4.4)."""
        return self._token(
            {
                "grant_type": "client_credentials",
                "resource": AUDIENCE,
                "scope": "incidents:read",
            },
            auth=("machine", "a+secret+of+a+machine"),
        )["access_token"]

    def sign_in(self, person: str) -> Tokens:
        """Sign a person in by code and PKCE, as a browser does, and return the tokens."""
        asked = {
            "client_id": "front",
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid email profile incidents:read",
            "resource": AUDIENCE,
            "nonce": "n1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        with httpx2.Client(follow_redirects=False, timeout=PATIENCE) as browser:
            place = self._follow(browser, browser.get(f"{self.issuer}/auth", params=asked))
            for form in (
                {"prompt": "login", "login": person, "password": "x"},
                {"prompt": "consent"},
            ):
                place = self._follow(browser, browser.post(place, data=form))
        code = parse_qs(urlsplit(place).query)["code"][0]
        said = self._token(
            {
                "grant_type": "authorization_code",
                "client_id": "front",
                "code": code,
                "redirect_uri": CALLBACK,
                "code_verifier": VERIFIER,
            }
        )
        return Tokens(said["access_token"], said["id_token"])

    def _follow(self, browser: httpx2.Client, answer: httpx2.Response) -> str:
        while answer.is_redirect:
            place = str(answer.url.join(answer.headers["location"]))
            if place.startswith(CALLBACK):
                return place
            answer = browser.get(place)
        form = re.search(r'action="([^"]+)"', answer.text)
        assert form is not None, answer.text
        return form[1]

    def _token(self, form: dict[str, str], **rest: Any) -> dict[str, Any]:
        answer = httpx2.post(f"{self.issuer}/token", data=form, timeout=PATIENCE, **rest)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said


@contextmanager
def identity_provider(people: dict[str, Any], alg: str = "ES256") -> Iterator[IdentityProvider]:
    """Run a provider while the block runs."""
    provider = IdentityProvider(installed(FOLDER), people, alg)
    try:
        yield provider
    finally:
        provider.kill()
