"""What is secret and must be kept: sealed at rest by keys from the settings.

Fernet (https://github.com/fernet/spec): AES-128-CBC with HMAC-SHA256. The first key seals, all of
them open, so that they can be rotated.
"""

from __future__ import annotations

import logging
import os
import stat
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
            raise _cannot_be_opened() from None

    def reseal(self, sealed: str) -> str:
        """Return the same, sealed by the first key. Raises `Unsafe` when none of the keys opens it."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise _cannot_be_opened() from None

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for a purpose, the same in every process (HKDF, RFC 5869).

        They are others as soon as another key is the first: for what lives for minutes.
        """
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

    Whoever calls this holds the home directory, and knows that nothing is sealed yet.
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


def _cannot_be_opened() -> Unsafe:
    return Unsafe(
        f"What is sealed in the database cannot be opened: set {PREFIX}ENCRYPTION_KEYS to the"
        f" keys that sealed it, or bring back {FILE} to the home directory."
    )


def _read(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            mode = os.fstat(file.fileno()).st_mode
            keys = tuple(file.read().split())
    except FileNotFoundError:
        raise Unsafe(
            f"{path} is not there, and what is sealed in the database cannot be opened without it:"
            f" bring it back from a copy, set {PREFIX}HOME to the directory that has it, or set"
            f" {PREFIX}ENCRYPTION_KEYS to what was in it."
        ) from None
    except OSError as error:
        raise Unsafe(f"{path} cannot be read: {error.strerror}.") from None
    if mode & stat.S_IRWXO:
        raise Unsafe(f"{path} is open to everybody on this machine: chmod 600 {path}")
    _check(keys, path)
    return keys


def _check(keys: tuple[str, ...], path: Path) -> None:
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        keys = ()
    if not keys:
        raise Unsafe(
            f"There is no usable key in {path}: bring the file back from a copy, or set"
            f" {PREFIX}ENCRYPTION_KEYS to what was in it."
        )


def _write(path: Path, key: bytes) -> None:
    # Whole or not at all, and for good: half a key would be lost together with what it sealed.
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, key + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
