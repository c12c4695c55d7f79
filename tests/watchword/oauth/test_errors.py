"""The error of the authorization server carries what a response needs."""

from __future__ import annotations

from watchword.oauth.errors import OAuthError


def test_an_error_has_a_code_a_description_and_a_status() -> None:
    error = OAuthError("invalid_client", "The client's credentials are not valid.", 401)
    assert (error.error, error.status) == ("invalid_client", 401)
    assert str(error) == "invalid_client: The client's credentials are not valid."
    assert OAuthError("invalid_grant", "No.").status == 400
