"""Signatures, and the only import of PyJWT."""

from __future__ import annotations

from pathlib import Path

import pytest

import watchword
from tests.support.tokens import key
from watchword.errors import InvalidToken
from watchword.tokens.jose.jws import check_signature, sign


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_what_was_signed_is_read_back(algorithm: str) -> None:
    made = key(algorithm)
    assert check_signature(sign({"a": 1}, made), made) == b'{"a":1}'


def test_another_key_has_not_signed_it() -> None:
    with pytest.raises(InvalidToken):
        check_signature(sign({"a": 1}, key()), key())


def test_a_key_of_another_kind_has_not_signed_it() -> None:
    with pytest.raises(InvalidToken):
        check_signature(sign({"a": 1}, key("RS256")), key("ES256"))


def test_pyjwt_has_one_importer_in_the_server_and_one_in_the_client() -> None:
    importers = {
        path.name
        for path in Path(watchword.__file__).parent.rglob("*.py")
        if "import jwt" in path.read_text() or "from jwt" in path.read_text()
    }
    # The client for Python signs assertions of its own, and imports nothing of the server.
    assert importers == {"jws.py", "signing_key.py"}
