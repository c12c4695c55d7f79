"""The metadata of the authorization server (RFC 8414), in which clients find its endpoints and features."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from watchword.auth.http.routes import JWKS
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.oauth.clients.registration import ClientAuthMethod, Grant, known_scopes
from watchword.tokens.authentication import CLASSES
from watchword.tokens.jose.jwk import ASYMMETRIC

WELL_KNOWN = "/.well-known/oauth-authorization-server"
AUTHORIZE, TOKEN = "/oauth/authorize", "/oauth/token"
REVOKE, INTROSPECT = "/oauth/revoke", "/oauth/introspect"
# Seconds for which clients may cache the metadata.
MAX_AGE = 3_600
# A confidential client may send its secret either way (RFC 6749, section 2.3.1).
_CONFIDENTIAL = [ClientAuthMethod.SECRET.value, "client_secret_post", ClientAuthMethod.KEY.value]


def metadata(settings: Settings, domain: Domain) -> dict[str, Any]:
    """Return the metadata (RFC 8414, section 2)."""
    issuer, algorithms = settings.issuer, list(ASYMMETRIC)
    methods = [*_CONFIDENTIAL, ClientAuthMethod.NONE.value]
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "revocation_endpoint": issuer + REVOKE,
        "introspection_endpoint": issuer + INTROSPECT,
        "jwks_uri": issuer + JWKS,
        "scopes_supported": sorted(known_scopes(domain)),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [grant.value for grant in Grant],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": _CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "acr_values_supported": [*CLASSES],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": algorithms,
    }


def paths(settings: Settings) -> list[str]:
    """Return the paths of the metadata: the well-known path and, if the issuer has a path, also the two
    joined (section 3)."""
    path = urlsplit(settings.issuer).path
    return [WELL_KNOWN, WELL_KNOWN + path] if path else [WELL_KNOWN]
