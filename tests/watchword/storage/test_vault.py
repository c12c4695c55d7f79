"""Sealed secrets can be opened only with a key, and the key file is protected."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from tests.support.vault import ENCRYPTION_KEY
from watchword.config.settings import Settings, read
from watchword.errors import Unsafe
from watchword.storage.vault import FILE, Vault, make_key, vault

# Made for these tests only.
ONE, TWO = ENCRYPTION_KEY, "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ="


def box(*keys: str) -> Vault:
    return Vault(lambda: keys)


def settings(home: Path, *keys: str) -> Settings:
    return Settings(_env_file=None, home=home, encryption_keys=keys)


def refusal(made: Vault, sealed: str = "x") -> str:
    with pytest.raises(Unsafe) as refused:
        made.open(sealed)
    return str(refused.value)


def test_what_is_sealed_shows_nothing_and_opens_again() -> None:
    sealed = box(ONE).seal("a secret")
    assert "secret" not in sealed
    assert box(ONE).open(sealed) == "a secret"
    assert box(ONE).seal("a secret") != sealed


def test_the_first_key_seals_and_every_key_opens() -> None:
    sealed = box(TWO, ONE).seal("x")
    assert box(TWO).open(sealed) == "x"
    assert box(ONE, TWO).open(sealed) == "x"
    refusal(box(ONE), sealed)


def test_what_is_sealed_like_another_opens_by_the_same_key() -> None:
    old = box(ONE).seal("x")
    made = box(TWO, ONE).seal("y", like=old)
    assert box(ONE).open(made) == "y"
    refusal(box(TWO), made)
    with pytest.raises(Unsafe):
        box(TWO).seal("y", like=old)


def test_what_is_sealed_anew_opens_without_the_old_key() -> None:
    old = box(ONE).seal("x")
    new = box(TWO, ONE).reseal(old)
    assert box(TWO).open(new) == "x"
    refusal(box(ONE), new)
    with pytest.raises(Unsafe):
        box(TWO).reseal(old)


@pytest.mark.parametrize(
    "sealed", ["", "x", "ü", "\x00", "-----BEGIN PRIVATE KEY-----", "gAAAA", "a" * 10_000]
)
def test_what_was_never_sealed_is_refused_in_a_sentence(sealed: str) -> None:
    said = refusal(box(ONE), sealed)
    assert said.startswith("What is sealed in the database cannot be opened: set WATCHWORD_ENCR")
    assert ONE not in said


def test_a_file_that_the_settings_pass_over_is_named(tmp_path: Path) -> None:
    sealed = box(ONE).seal("x")
    without = refusal(vault(settings(tmp_path, TWO)), sealed)
    assert without.endswith(f"or bring back {FILE} to the home directory.")
    (tmp_path / FILE).write_text(ONE)
    said = refusal(vault(settings(tmp_path, TWO)), sealed)
    assert f"add what is in {tmp_path / FILE}, which is not read" in said
    assert ONE not in said


def test_one_changed_bit_is_found() -> None:
    sealed = box(ONE).seal("x")
    for place in range(0, len(sealed) - 2, 7):
        other = "A" if sealed[place] != "A" else "B"
        refusal(box(ONE), sealed[:place] + other + sealed[place + 1 :])


def test_what_is_derived_is_the_same_everywhere_and_another_for_each_purpose() -> None:
    assert box(ONE).derive("nonces") + box(TWO).derive("nonces") == box(ONE, TWO).derive("nonces")
    assert len({box(ONE).derive("a"), box(ONE).derive("b"), box(TWO).derive("a")}) == 3
    assert [len(each) for each in box(ONE, TWO).derive("a")] == [32, 32]


def test_no_key_is_in_a_representation(tmp_path: Path) -> None:
    made = vault(settings(tmp_path, ONE))
    made.seal("x")
    assert ONE not in repr(made) + repr(settings(tmp_path, ONE))


def test_the_settings_keys_are_used_and_no_file_is_made(tmp_path: Path) -> None:
    given = settings(tmp_path, ONE, TWO)
    make_key(given)
    assert list(tmp_path.iterdir()) == []
    assert box(ONE).open(vault(given).seal("x")) == "x"


def test_keys_come_from_the_environment_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_ENCRYPTION_KEYS", f"{ONE}, {TWO}")
    assert read(_env_file=None).encryption_keys == (ONE, TWO)


@pytest.mark.parametrize("key", ["secret", ONE[:-2], ONE + "A", ONE.replace("=", ""), f"{ONE},x"])
def test_what_is_no_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(
        Unsafe, match="WATCHWORD_ENCRYPTION_KEYS must be 32 random bytes"
    ) as refused:
        read(_env_file=None, encryption_keys=key)
    assert key not in str(refused.value)


def test_without_keys_one_is_made_for_its_owner_alone_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        make_key(settings(tmp_path))
    [file] = tmp_path.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == (FILE, 0o600)
    [warning] = caplog.records
    assert warning.levelno == logging.WARNING
    assert "Keep a copy" in warning.getMessage()
    assert file.read_text().strip() not in caplog.text
    sealed = vault(settings(tmp_path)).seal("x")
    assert vault(settings(tmp_path)).open(sealed) == "x"


def test_what_an_interrupted_start_left_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "encryption.part").write_text("half a k")
    make_key(settings(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert vault(settings(tmp_path)).seal("x")


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("damaged")
    make_key(settings(tmp_path))
    assert (tmp_path / FILE).read_text() == "damaged"


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    said = refusal(vault(settings(tmp_path)))
    assert said.startswith(f"{tmp_path / FILE} is not there")
    assert "bring it back from a copy" in said
    assert "WATCHWORD_HOME" in said


@pytest.mark.parametrize("content", [b"", b"\n", b"secret", b"\xff\xfe", ONE.encode()[:-3]])
def test_a_file_without_a_key_says_so_and_does_not_show_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    said = refusal(vault(settings(tmp_path)))
    assert said.startswith(f"There is no usable key in {tmp_path / FILE}:")
    assert "secret" not in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    said = refusal(vault(settings(tmp_path)))
    assert said.startswith(f"{tmp_path / FILE} cannot be read: Is a directory. Make it a file")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601])
def test_a_file_that_is_open_to_everybody_is_refused(mode: int, tmp_path: Path) -> None:
    make_key(settings(tmp_path))
    (tmp_path / FILE).chmod(mode)
    said = refusal(vault(settings(tmp_path)))
    assert said.endswith(f"chmod 600 {tmp_path / FILE}")


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o660])
def test_a_file_may_be_its_groups(mode: int, tmp_path: Path) -> None:
    """A key file readable by its group is accepted: volumes of Kubernetes with an fsGroup have such files."""
    make_key(settings(tmp_path))
    (tmp_path / FILE).chmod(mode)
    assert vault(settings(tmp_path)).seal("x")


def test_a_file_may_hold_several_keys(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{TWO}\n{ONE}\n")
    (tmp_path / FILE).chmod(0o600)
    made = vault(settings(tmp_path))
    assert made.open(box(ONE).seal("x")) == "x"
    assert box(TWO).open(made.seal("x")) == "x"
