"""A fake identity provider that answers as a test wants, and records the requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from tests.support.tokens import key, signed
from watchword.config.trusted_issuer import TrustedIssuer
from watchword.tokens.keys import Key

AUDIENCE = "https://api.example"
OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
JWKS = "/jwks"


@dataclass
class Answer:
    """The answer at a path. With `hangs`, there is none until the issuer closes."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    hangs: bool = False


class FakeIssuer:
    """An issuer on its own port. `asked` are the paths of the requests, in order."""

    def __init__(self, port: int = 0) -> None:
        self.keys: list[Key] = [key()]
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.is_closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def entry(self, **changes: Any) -> TrustedIssuer:
        """Return the settings' entry for this issuer."""
        return TrustedIssuer.model_validate(self.setting(**changes))

    def setting(self, **changes: Any) -> dict[str, Any]:
        good = {"name": "example", "issuer": self.url, "audience": AUDIENCE, "roles": "roles"}
        return good | changes

    def token(
        self, signer: Key | None = None, header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """Return a token of this issuer; a change to None removes a claim."""
        return signed(signer or self.keys[0], self.claims(**changes), **(header or {}))

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = changes.pop("now", None) or time.time()
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "person-1",
            "iat": int(now),
            "exp": int(now) + 3600,
            "jti": "t1",
            "client_id": "front",
            "roles": ["keeper"],
        } | changes
        return {name: value for name, value in good.items() if value is not None}

    def say(self, path: str, content: Any, status: int = 200, **headers: str) -> None:
        """Set the answer at a path."""
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        sent = {"content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        self.answers[path] = Answer(body, status, sent)

    def hang(self, path: str) -> None:
        """Stop answering at a path."""
        self.answers[path] = Answer(b"", hangs=True)

    def count(self, path: str) -> int:
        return self.asked.count(path)

    def close(self) -> None:
        self.is_closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str) -> Answer:
        if path in self.answers:
            return self.answers[path]
        headers = {"content-type": "application/json", **self.headers}
        if path == OPENID:
            metadata = {"issuer": self.url, "jwks_uri": f"{self.url}{JWKS}"}
            return Answer(orjson.dumps(metadata), headers=headers)
        if path == JWKS:
            return Answer(orjson.dumps({"keys": [k.jwk() for k in self.keys]}), headers=headers)
        return Answer(b"{}", 404, headers)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                answer = issuer._answer(self.path)
                if answer.hangs:
                    issuer.is_closed.wait(30)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                try:
                    self.wfile.write(answer.body)
                except OSError:
                    return  # the client has closed the connection

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler


@contextmanager
def fake_issuer(port: int = 0) -> Iterator[FakeIssuer]:
    """Run an issuer while the block runs."""
    issuer = FakeIssuer(port)
    try:
        yield issuer
    finally:
        issuer.close()
