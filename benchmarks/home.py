"""The folder of a run: data, keys and tokens, which all measured servers read."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import jwt
import strawberry
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.data import USERS, made
from watchword.auth.keys.signing_keys import load as load_keys
from watchword.bootstrap import bootstrap
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount
from watchword.process.clock import SystemClock
from watchword.storage.database import Database
from watchword.storage.vault import vault
from watchword.tokens.keys import Key

ISSUER, AUDIENCE = "https://issuer.bench", "graphql-bench"
SCOPES = ("incident:read", "incident:internal")
LIFETIME = 24 * 3600
PEERS = Path(__file__).parent / "peers"


@strawberry.type
class Nothing:
    """The query of the schema that makes the database: no table of a domain is needed."""

    nothing: str


@dataclass(frozen=True, slots=True)
class Home:
    """A folder with data.json, trust.json and Watchword's database, and the key that signs tokens."""

    path: Path
    key: Key

    @classmethod
    async def make(cls, path: Path) -> Home:
        """Write the folder, with a fresh RSA key that Watchword signs with too."""
        settings = Settings(
            home=path / "watchword",
            issuer=ISSUER,
            audience=AUDIENCE,
            algorithm="RS256",
            rsa_bits=2048,
            demo=False,
            admin_password=secrets.token_urlsafe(),
            _env_file=None,  # type: ignore[call-arg]
        )
        await bootstrap(settings, Mount(strawberry.Schema(Nothing), Domain()), SystemClock())
        database = Database(settings.database_url)
        ring = await load_keys(database, vault(settings), time.time())
        await database.close()
        home = cls(path, ring.signing)
        home._write()
        return home

    def _write(self) -> None:
        pem = self.key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        trust = {"key": pem.decode(), "issuer": ISSUER, "audience": AUDIENCE}
        (self.path / "trust.json").write_text(json.dumps(trust))
        (self.path / "data.json").write_text(json.dumps(made()))
        shutil.copy(PEERS / "schema.graphql", self.path)

    def tokens(self, classes: int = 1) -> list[str]:
        """Return a token for each user, with `classes` different sets of scopes among them."""
        return [self._token(number, f"class:{number % classes}") for number in range(USERS)]

    def _token(self, number: int, scope: str) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"u{number}",
            "iat": now,
            "nbf": now - 10,
            "exp": now + LIFETIME,
            "jti": f"t{number}",
            "sid": f"s{number}",
            "client_id": "watchword",
            "name": f"User {number:03d}",
            "roles": ["admin", "responder"],
            "scope": " ".join((*SCOPES, scope)),
        }
        headers = {"kid": self.key.kid, "typ": "at+jwt"}
        return jwt.encode(claims, self.key.private, "RS256", headers=headers)

    def environment(self) -> dict[str, str]:
        """Return the environment of every measured server. No limit stops the load generator."""
        inherited = {n: v for n, v in os.environ.items() if not n.startswith("WATCHWORD_")}
        limits = dict.fromkeys(LIMITS, "1000000")
        return {
            **inherited,
            **{f"WATCHWORD_{name}": value for name, value in limits.items()},
            "BENCH_HOME": str(self.path),
            "NODE_ENV": "production",
            "WATCHWORD_HOME": str(self.path / "watchword"),
            "WATCHWORD_ISSUER": ISSUER,
            "WATCHWORD_AUDIENCE": AUDIENCE,
            "WATCHWORD_ALGORITHM": "RS256",
            "WATCHWORD_DEMO": "false",
            "WATCHWORD_LOG_LEVEL": "WARNING",
        }


LIMITS = (
    "MAX_CONNECTIONS_PER_ADDRESS",
    "MAX_CONNECTIONS_PER_PRINCIPAL",
    "MAX_OPERATIONS_PER_ADDRESS",
    "MAX_OPERATIONS_PER_PRINCIPAL",
    "MAX_OPERATIONS_PER_PROCESS",
)
