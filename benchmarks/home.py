"""The folder of measured servers: data, a key, tokens, and Watchword's database."""

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
SCOPES = "incident:read incident:internal"
LIFETIME = 24 * 3600
PEERS = Path(__file__).parent / "peers"
LIMITS = (
    "MAX_CONNECTIONS_PER_ADDRESS",
    "MAX_CONNECTIONS_PER_PRINCIPAL",
    "MAX_OPERATIONS_PER_ADDRESS",
    "MAX_OPERATIONS_PER_PRINCIPAL",
    "MAX_OPERATIONS_PER_PROCESS",
)
"""Settings that would stop the load generator, which is one address."""


@strawberry.type
class Nothing:
    """The query of the schema that makes the database: no table of a domain is needed."""

    nothing: str


NO_TABLES = Mount(strawberry.Schema(Nothing), Domain())


@dataclass(frozen=True, slots=True)
class Home:
    """A folder with data.json, trust.json and Watchword's files; the key and scopes of its tokens."""

    path: Path
    database_url: str
    key: Key
    scopes: str = SCOPES

    @classmethod
    async def make(
        cls, path: Path, mount: Mount = NO_TABLES, scopes: str = SCOPES, database_url: str = ""
    ) -> Home:
        """Write the database and other files to a folder, with a fresh RSA key that Watchword signs with too."""
        settings = Settings(
            home=path / "watchword",
            database_url=database_url,
            issuer=ISSUER,
            audience=AUDIENCE,
            algorithm="RS256",
            rsa_bits=2048,
            demo=False,
            admin_password=secrets.token_urlsafe(),
            _env_file=None,
        )
        await bootstrap(settings, mount, SystemClock())
        database = Database(settings.database_url)
        ring = await load_keys(database, vault(settings), time.time())
        await database.close()
        home = cls(path, settings.database_url, ring.signing, scopes)
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
            "scope": f"{self.scopes} {scope}",
        }
        headers = {"kid": self.key.kid, "typ": "at+jwt"}
        return jwt.encode(claims, self.key.private, "RS256", headers=headers)

    def environment(self) -> dict[str, str]:
        """Return the environment of every measured server. No limit stops the load generator."""
        inherited = {n: v for n, v in os.environ.items() if not n.startswith("WATCHWORD_")}
        limits = {f"WATCHWORD_{name}": "1000000" for name in LIMITS}
        return {
            **inherited,
            **limits,
            "BENCH_HOME": str(self.path),
            "NODE_ENV": "production",
            "WATCHWORD_HOME": str(self.path / "watchword"),
            "WATCHWORD_DATABASE_URL": self.database_url,
            "WATCHWORD_ISSUER": ISSUER,
            "WATCHWORD_AUDIENCE": AUDIENCE,
            "WATCHWORD_ALGORITHM": "RS256",
            "WATCHWORD_DEMO": "false",
            "WATCHWORD_LOG_LEVEL": "WARNING",
        }
