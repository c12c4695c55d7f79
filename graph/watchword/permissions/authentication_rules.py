"""Rules over the methods by which the person authenticated: the claim `amr` (RFC 8176). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from watchword.permissions.rules import Question, Rule
from watchword.permissions.verdict import Requirement
from watchword.tokens.authentication import MULTI_FACTOR, is_by_passkey

PASSKEY = "passkey"
_NAMES = {"password": "pwd"}


@dataclass(frozen=True, slots=True)
class AuthenticatedByRule(Rule):
    """The person authenticated by a method: "passkey", "password", or a value of RFC 8176, such as "otp"."""

    method: str

    def is_unknown(self, question: Question) -> bool:
        return not question.principal.methods

    @property
    def requires(self) -> Requirement:
        return {"authenticatedBy": self.method}

    def holds(self, question: Question) -> bool:
        methods = question.principal.methods
        if self.method == PASSKEY:
            return is_by_passkey(methods)
        return _NAMES.get(self.method, self.method) in methods


@dataclass(frozen=True, slots=True)
class MultiFactorRule(Rule):
    """The person authenticated by more than one factor."""

    def is_unknown(self, question: Question) -> bool:
        return not question.principal.methods

    @property
    def requires(self) -> Requirement:
        return {"multiFactor": True}

    def holds(self, question: Question) -> bool:
        return MULTI_FACTOR in question.principal.methods
