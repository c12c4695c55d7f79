"""Text that people type or choose: one rule for all of it.

Refused are control characters, the characters that turn the direction of the text around them, and
halves of characters (surrogates). Everything else that Unicode has is text: joiners of Persian and of
emoji, no-break spaces, characters that this Python does not know yet.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from watchword.errors import BadUserInput

# Explicit directional embeddings, overrides and isolates with their ends, by Bidi_Class (UAX #9,
# section 2): text after one reads in another order than it is stored in (CVE-2021-42574). The marks
# LRM, RLM and ALM turn nothing around, and names in Arabic and Hebrew need them.
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_LINES = frozenset("\t\n\r")
_LONGEST_CODE = 100


def checked_text(
    value: str, path: Sequence[str | int], longest: int, *, lines: bool = False
) -> str:
    """Return the text without surrounding white space.

    `lines` allows line breaks and tabs. Raises `BadUserInput` naming `path` when nothing is left that
    can be seen, when it has more than `longest` characters, or holds one that is refused.
    """
    text = value.strip()
    if fault := next((said for each in text if (said := _fault(each, lines))), None):
        raise BadUserInput(f"{path[-1]} must not hold {fault}.", path)
    if not any(map(_is_seen, text)):
        raise BadUserInput(f"{path[-1]} must not be empty.", path)
    if len(text) > longest:
        raise BadUserInput(f"{path[-1]} has at most {longest} characters.", path)
    return text


def cleaned_text(value: str, longest: int) -> str:
    """Return what `checked_text` would accept of a text whose author cannot be asked to correct it.

    Refused characters are left out, and what is too long is cut; nothing is left of what has nothing
    that can be seen.
    """
    text = "".join(each for each in value if not _fault(each, lines=False)).strip()
    return text[:longest].strip() if any(map(_is_seen, text)) else ""


def mended_text(value: str) -> tuple[str, int]:
    """Return a text of another system with U+FFFD in place of what `checked_text` refuses, and how many
    there were. Line breaks and tabs are kept."""
    kept = ["\ufffd" if _fault(each, lines=True) else each for each in value]
    return "".join(kept), kept.count("\ufffd") - value.count("\ufffd")


def is_storable(value: str) -> bool:
    """Tell whether a text can be stored and sent: it has no NUL (PostgreSQL) and no surrogate (UTF-8)."""
    return not any(each == "\x00" or "\ud800" <= each <= "\udfff" for each in value)


def plain_code(code: str) -> str:
    """Return a typed code in one form: ASCII digits and small letters, without spaces, hyphens and
    invisible characters. The empty text for one that is far too long.

    Digits of any script and width are the digits that they are (Unicode's Numeric_Type=Decimal).
    """
    if len(code) > _LONGEST_CODE:
        return ""
    kept = (each for each in unicodedata.normalize("NFKC", code) if not _separates(each))
    return "".join(_digit(each) for each in kept).casefold()


def _fault(character: str, lines: bool) -> str | None:
    """Say what is wrong with a character; None when nothing is."""
    if character.isprintable() or (lines and character in _LINES):
        return None
    match unicodedata.category(character):
        case "Cc":
            return "control characters"
        case "Cs":
            return "half a character (a surrogate without the other one of its pair)"
    is_turning = unicodedata.bidirectional(character) in _TURNING
    return "characters that turn the direction of text around" if is_turning else None


def _is_seen(character: str) -> bool:
    category = unicodedata.category(character)
    return not category.startswith("Z") and category not in ("Cc", "Cf", "Cs")


def _separates(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Pd", "Cf")


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
