"""Encrypts ("seals") secrets that are stored in the database, with keys from the settings.

Fernet (https://github.com/fernet/spec): AES-128-CBC with HMAC-SHA256. The first key seals and all keys
open, so that keys can be rotated.
"""

from __future__ import annotations

import hmac
import logging
import os
import stat
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from watchword.config.settings import PREFIX, Settings
from watchword.errors import Unsafe

log = logging.getLogger("watchword.vault")

FILE = "encryption.key"


class Vault:
    """Seals texts and opens them. `load` returns Fernet keys (32 bytes in base64url); it is called once,
    at the first use, and raises `Unsafe` if there is no key. `beside` is a key file that is not used;
    an error message mentions it."""

    def __init__(self, load: Callable[[], tuple[str, ...]], beside: Path | None = None) -> None:
        self._load = load
        self._beside = beside

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return self._load()

    @cached_property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys])

    def seal(self, text: str, like: str | None = None) -> str:
        """Encrypt a text with the first key or, given the sealed text `like`, with the key that opens it.

        Raises `Unsafe` when no key opens `like`.
        """
        by = self._fernet if like is None else self._opener(like)
        return by.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt a sealed text. Raises `Unsafe` when none of the keys opens it."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise self._cannot_be_opened() from None

    def reseal(self, sealed: str) -> str:
        """Seal a sealed text again, with the first key. Raises `Unsafe` when none of the keys opens it."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise self._cannot_be_opened() from None

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """Derive 32 bytes for a purpose from each key (HKDF, RFC 5869). They are the same in all processes.

        Sign with the first, and accept signatures by any of them, so that the keys can be rotated while
        nonces, challenges and device tokens are in use.
        """
        info = f"watchword {purpose}".encode()
        return tuple(HKDF(SHA256(), 32, None, info).derive(key.encode()) for key in self._keys)

    def signatures(self, purpose: str, message: bytes) -> Iterator[bytes]:
        """Yield the HMAC-SHA256 of a message by each key that `derive` returns for a purpose."""
        return (hmac.digest(key, message, "sha256") for key in self.derive(purpose))

    def _opener(self, sealed: str) -> Fernet:
        for key in map(Fernet, self._keys):
            try:
                key.decrypt(sealed.encode())
            except InvalidToken:
                continue
            return key
        raise self._cannot_be_opened()

    def _cannot_be_opened(self) -> Unsafe:
        said = (
            f"What is sealed in the database cannot be opened: set {PREFIX}ENCRYPTION_KEYS to the"
            " keys that sealed it"
        )
        if self._beside is None or not self._beside.exists():
            return Unsafe(f"{said}, or bring back {FILE} to the home directory.")
        return Unsafe(
            f"{said}; add what is in {self._beside}, which is not read while that is set."
        )


def vault(settings: Settings) -> Vault:
    """Make the vault with the keys of the settings or, if they have none, with those in the home
    directory, where `make_key` makes one at the first start."""
    file = settings.home / FILE
    if settings.encryption_keys:
        return Vault(lambda: settings.encryption_keys, beside=file)
    return Vault(lambda: _read(file))


def make_key(settings: Settings) -> None:
    """Make a key file in the home directory, readable by its owner alone, if the settings have no key.

    The caller must hold the lock of the home directory, and know that nothing is sealed yet.
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
        raise Unsafe(
            f"{path} cannot be read: {error.strerror}. Make it a file that the server's user can read."
        ) from None
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
    # Write atomically and sync to disk: if the key were lost in a crash, everything it sealed would be lost.
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
