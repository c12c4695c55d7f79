"""nginx with the configuration and the certificate of docker-compose.yml, in front of servers on this machine."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.programs import missing, program


class Nginx:
    """A proxy that is stopped and started again on the same ports. `plain` is that without TLS."""

    def __init__(self, home: Path, command: Sequence[str | Path], plain: int, secure: int) -> None:
        self.plain = plain
        self.origin = f"https://localhost:{secure}"
        self._home = home
        self._command = command
        self._secure = secure
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return when it listens."""
        process = self._process = subprocess.Popen(self._command)
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._secure), 1).close()
            except ConnectionRefusedError:
                continue
            return
        raise AssertionError((self._home / "error.log").read_text())

    def stop(self) -> None:
        """Stop it at once, with all connections."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None


@contextmanager
def nginx(
    home: Path,
    compose: dict[str, Any],
    servers: Sequence[str],
    change: Callable[[str], str] = str,
) -> Iterator[Nginx]:
    """Run nginx in front of servers with these URLs for a block. `compose` is the content of docker-compose.yml, and
    `change` returns another configuration for the one in it."""
    found = program("nginx")
    if found is None:
        missing("There is no nginx: run `apt-get install nginx-light`.")
    certificate = home / "certificate"
    certificate.mkdir()
    _make_certificate(compose["services"]["certificate"], certificate)
    plain, secure = _free_ports()
    content = change(compose["configs"]["proxy"]["content"])
    content = _for_this_machine(content, _version(found), servers)
    content = (
        content.replace("listen 80;", f"listen {plain};")
        .replace("listen 443 ", f"listen {secure} ")
        .replace("/certificate", str(certificate))
    )
    (home / "default.conf").write_text(content)
    (home / "nginx.conf").write_text(
        f"daemon off; pid {home}/pid; error_log {home}/error.log; user root;\n"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;"
        f" include {home}/default.conf; }}\n"
    )
    command: list[str | Path] = [
        found,
        "-p",
        home,
        "-c",
        home / "nginx.conf",
        "-e",
        home / "error.log",
    ]
    made = Nginx(home, command, plain, secure)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _for_this_machine(content: str, version: tuple[int, ...], servers: Sequence[str]) -> str:
    """Return a configuration for this version of nginx, with what Docker's name server would answer."""
    if version < (1, 25, 1):
        # The directive of its own is as new as this; the image has it.
        content, found = re.subn(r"(listen \d+ ssl);\s+#.*\s+http2 +on;", r"\1 http2;", content)
        assert found == 1
    addresses = "".join(f"server {url.removeprefix('http://')};\n" for url in servers)
    content, found = re.subn(r"resolver .*;\s+server +server:8000 resolve;", addresses, content)
    assert found == 1
    return content


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


def _make_certificate(service: dict[str, Any], folder: Path) -> None:
    *shell, script = service["entrypoint"]
    subprocess.run(
        [*shell, script.replace("/certificate", str(folder))],
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", **service["environment"]},
    )


def _version(program: Path) -> tuple[int, ...]:
    said = subprocess.run([program, "-v"], check=True, capture_output=True, text=True).stderr
    return tuple(map(int, re.findall(r"nginx/(\d+)\.(\d+)\.(\d+)", said)[0]))


def trust() -> ssl.SSLContext:
    """Believe whatever certificate comes: it was made a moment ago, and signed by nobody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
