"""What is secret and must be kept: sealed at rest by keys from the settings.

Fernet (https://github.com/fernet/spec): AES-128-CBC with HMAC-SHA256. The first key seals, all of
them open, so that they can be rotated.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from graph.errors import Unsafe
from graph.settings import PREFIX, Settings

log = logging.getLogger("watchword.vault")

FILE = "encryption.key"


class Vault:
    """Seals and opens. `load` returns Fernet keys, 32 bytes in base64url; it is asked once, at the
    first use, and raises `Unsafe` when there are none."""

    def __init__(self, load: Callable[[], tuple[str, ...]]) -> None:
        self._load = load

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return self._load()

    @cached_property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys])

    def seal(self, text: str) -> str:
        """Return a text as nobody can read it who has no key."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what was sealed. Raises `Unsafe` when none of the keys opens it."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unsafe(
                f"What is sealed in the database cannot be opened: set {PREFIX}ENCRYPTION_KEYS to the"
                f" keys that sealed it, or bring back {FILE} to the home directory."
            ) from None

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for a purpose, the same in every process (HKDF, RFC 5869)."""
        kdf = HKDF(SHA256(), 32, None, f"watchword {purpose}".encode())
        return kdf.derive(self._keys[0].encode())


def vault(settings: Settings) -> Vault:
    """Make the vault of these settings; without keys in them, of those in the home directory, where
    `make_key` makes one at the first start."""
    if settings.encryption_keys:
        return Vault(lambda: settings.encryption_keys)
    return Vault(lambda: _read(settings.home / FILE))


def make_key(settings: Settings) -> None:
    """Make a key in the home directory, for its owner alone, when the settings have none.

    Whoever calls this holds the home directory.
    """
    path = settings.home / FILE
    if settings.encryption_keys or path.exists():
        return
    _write(path, Fernet.generate_key())
    log.warning(
        "%s was made: it opens the signing keys in the database. Keep a copy of it apart from the"
        " database's, or set %sENCRYPTION_KEYS.",
        path,
        PREFIX,
    )


def _read(path: Path) -> tuple[str, ...]:
    try:
        keys = tuple(path.read_text().split())
        for key in keys:
            Fernet(key)
    except (OSError, ValueError):
        keys = ()
    if not keys:
        raise Unsafe(
            f"There is no usable key in {path}: bring it back, or set {PREFIX}ENCRYPTION_KEYS. The"
            " first start makes it."
        )
    return keys


def _write(path: Path, key: bytes) -> None:
    # Whole or not at all: half a key would be lost together with what it sealed.
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, key + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    part.rename(path)
