"""The metadata of RFC 8414 names what the server supports, at the right paths."""

from __future__ import annotations

from tests.support.identity import ORIGIN
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.oauth.metadata import metadata, paths

DOMAIN = Domain(roles={"admin": frozenset({"b:c"})}, descriptions={"a:b": "See a"})


def test_it_names_what_we_can() -> None:
    said = metadata(Settings(_env_file=None, issuer=ORIGIN), DOMAIN)
    assert said["issuer"] == ORIGIN
    assert said["scopes_supported"] == ["a:b", "b:c"]
    assert said["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
    ]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["response_types_supported"] == ["code"]
    assert said["acr_values_supported"] == [
        "phr",
        "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    ]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert "none" not in said["introspection_endpoint_auth_methods_supported"]
    for name in (
        "token_endpoint_auth_signing_alg_values_supported",
        "dpop_signing_alg_values_supported",
    ):
        assert not [alg for alg in said[name] if alg.startswith("HS") or alg == "none"]


def test_the_path_of_an_issuer_goes_behind_the_well_known_one() -> None:
    settings = Settings(_env_file=None, issuer="https://example.com/one/two/")
    assert paths(settings) == [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/one/two",
    ]
    assert metadata(settings, DOMAIN)["token_endpoint"] == "https://example.com/one/two/oauth/token"
