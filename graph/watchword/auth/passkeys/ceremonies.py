"""The two ceremonies of WebAuthn, registration and authentication: makes the options for the browser, and
verifies its answer. Pure: the library does the cryptography, and nothing is stored here."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from watchword.auth.passkeys.challenges import SECONDS
from watchword.auth.passkeys.relying_party import RelyingParty
from watchword.config.auth_settings import MINIMUM_RSA_BITS
from watchword.errors import Unauthenticated

log = logging.getLogger("watchword.passkeys")

# Most characters of each string in a credential. An attestation with certificates has a few thousand.
LONGEST = 32_768
# WebAuthn Level 3, section 5.8.3: a credential's id has at most 1,023 bytes.
LONGEST_ID = 1_023
_REQUIRED = UserVerificationRequirement.REQUIRED


class PasskeyRefused(Unauthenticated):
    """The answer of a passkey was refused. `rule` names the check that failed, and `account` is the owner.

    Both are for the log and the audit log only, and are not sent to the client.
    """

    def __init__(self, rule: str, account: str | None = None) -> None:
        super().__init__("The passkey was not accepted. Ask for new options and try again.")
        self.rule = rule
        self.account = account


@dataclass(frozen=True, slots=True)
class Registered:
    """A new passkey: its id (base64url), its public key (COSE), and its signature counter."""

    id: str
    public_key: bytes
    sign_count: int


def creation_options(
    party: RelyingParty, account: str, email: str, name: str, known: Sequence[str], challenge: bytes
) -> dict[str, Any]:
    """Return PublicKeyCredentialCreationOptions as JSON. `known` are the ids of the account's passkeys."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.id,
        # The passkey returns this id at sign-in to name its account. It contains nothing personal.
        user_id=account.encode(),
        user_name=email,
        user_display_name=name,
        challenge=challenge,
        timeout=SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=_REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return options_to_json_dict(options)


def request_options(party: RelyingParty, known: Sequence[str], challenge: bytes) -> dict[str, Any]:
    """Return PublicKeyCredentialRequestOptions as JSON. Without `known` ids, the user may pick any passkey."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=SECONDS * 1000,
        allow_credentials=_descriptors(known),
        user_verification=_REQUIRED,
    )
    return options_to_json_dict(options)


def challenge_of(credential: object) -> bytes:
    """Return the challenge that a credential claims to have signed. Raises `PasskeyRefused`."""
    with _refusing("malformed"):
        return _client_data(credential).challenge


def registered(credential: object, challenge: bytes, party: RelyingParty) -> Registered:
    """Verify the answer to creation options (WebAuthn Level 3, section 7.1). Raises `PasskeyRefused`."""
    with _refusing("attestation"):
        _check_same_origin(credential)
        assert isinstance(credential, dict)
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
        _check_key(verified.credential_public_key)
        _check(len(verified.credential_id) <= LONGEST_ID, "the id is too long")
        return Registered(
            bytes_to_base64url(verified.credential_id),
            verified.credential_public_key,
            verified.sign_count,
        )


def assertion(credential: object) -> AuthenticationCredential:
    """Parse the answer to request options. Raises `PasskeyRefused`."""
    with _refusing("malformed"):
        _check_same_origin(credential)
        assert isinstance(credential, dict)
        return parse_authentication_credential_json(credential)


def check_assertion(
    answer: AuthenticationCredential, challenge: bytes, party: RelyingParty, public_key: bytes
) -> int:
    """Verify the answer to request options (WebAuthn Level 3, section 7.2) with a passkey's public key.

    Returns the new signature counter, which the caller must compare with the stored one. Raises
    `PasskeyRefused`.
    """
    with _refusing("assertion"):
        verified = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            # 0 skips the library's comparison, which comes before the signature is verified. The caller
            # compares: only a signed counter shows that a passkey was cloned.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        return verified.new_sign_count


@contextmanager
def _refusing(rule: str) -> Iterator[None]:
    """Raise `PasskeyRefused` for any exception: the library raises many kinds for malformed input."""
    try:
        yield
    except Exception as error:
        log.info("a passkey's answer was refused (%s): %.200r", rule, str(error))
        raise PasskeyRefused(rule) from None


def _check_same_origin(credential: object) -> None:
    # Otherwise a page that embeds ours in a frame could trick the user into confirming (clickjacking).
    _check(not _client_data(credential).cross_origin, "crossOrigin")


def _client_data(credential: object) -> CollectedClientData:
    if not isinstance(credential, dict):
        raise ValueError("no object")
    response = credential["response"]
    texts = [*response.values(), *credential.values()]
    _check(all(len(text) <= LONGEST for text in texts if isinstance(text, str)), "too long")
    return parse_client_data_json(base64url_to_bytes(response["clientDataJSON"]))


def _check_key(public_key: bytes) -> None:
    # The library does not check the key of a new passkey before its first use.
    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, RSAPublicKey):
        _check(key.key_size >= MINIMUM_RSA_BITS, "the RSA key is too short")


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _descriptors(ids: Sequence[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(base64url_to_bytes(id)) for id in ids]
