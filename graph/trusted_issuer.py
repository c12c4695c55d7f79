"""An identity provider whose tokens are believed, as the settings describe it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrustedIssuer(BaseModel):
    """What tokens of an issuer look like, and what their claims mean here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(description="Who signs: claim iss, compared character by character.")
