"""Rules over the methods by which the person authenticated: the claim `amr` (RFC 8176). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from watchword.permissions.rules import Question, Rule
from watchword.permissions.verdict import ALLOWED, Denied, Requirement, Verdict
from watchword.tokens.authentication import (
    MULTI_FACTOR,
    PHISHING_RESISTANT,
    TWO_FACTORS,
    is_by_passkey,
)

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

    def decide(self, question: Question) -> Verdict:
        # The other methods have no class that a client could ask for.
        classes = (PHISHING_RESISTANT,) if self.method == PASSKEY else ()
        return ALLOWED if self.holds(question) else _denied(self, question, classes)


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

    def decide(self, question: Question) -> Verdict:
        classes = (TWO_FACTORS, PHISHING_RESISTANT)
        return ALLOWED if self.holds(question) else _denied(self, question, classes)


def _denied(rule: Rule, question: Question, classes: tuple[str, ...]) -> Denied:
    # A machine, whose token says no methods, cannot authenticate in another way.
    return Denied(rule.requires, acr_values=classes if question.principal.methods else ())
