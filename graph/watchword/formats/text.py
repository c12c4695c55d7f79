"""One rule for all text that people type or choose.

Control characters, bidirectional control characters and lone surrogates are refused. Everything else in
Unicode is accepted: the joiners of Persian and of emoji, no-break spaces, and characters that this
version of Python does not know yet.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from watchword.errors import BadUserInput

# Explicit directional embeddings, overrides and isolates with their ends, by Bidi_Class (UAX #9,
# section 2). They make text display in another order than it is stored in (CVE-2021-42574). The marks
# LRM, RLM and ALM do not, and are allowed: names in Arabic and Hebrew need them.
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_LINES = frozenset("\t\n\r")
_LONGEST_CODE = 100


def checked_text(
    value: str, path: Sequence[str | int], longest: int, *, lines: bool = False
) -> str:
    """Return the text without surrounding white space.

    `lines` allows line breaks and tabs. Raises `BadUserInput` naming `path` when no visible character
    is left, when there are more than `longest` characters, or when one of them is refused.
    """
    text = value.strip()
    if fault := next((said for each in text if (said := _fault(each, lines))), None):
        raise BadUserInput(f"{path[-1]} must not hold {fault}.", path)
    if not any(map(_is_visible, text)):
        raise BadUserInput(f"{path[-1]} must not be empty.", path)
    if len(text) > longest:
        raise BadUserInput(f"{path[-1]} has at most {longest} characters.", path)
    return text


def cleaned_text(value: str, longest: int) -> str:
    """Turn a text that nobody can correct (a device's name, say) into one that `checked_text` accepts.

    Leaves out refused characters and cuts the text to `longest` characters. Returns the empty text if
    no visible character is left.
    """
    text = "".join(each for each in value if not _fault(each, lines=False)).strip()
    return text[:longest].strip() if any(map(_is_visible, text)) else ""


def mended_text(value: str) -> tuple[str, int]:
    """Replace each character that `checked_text` refuses with U+FFFD, in a text from another system.

    Returns the text and the number of replacements. Line breaks and tabs are kept.
    """
    kept = ["\ufffd" if _fault(each, lines=True) else each for each in value]
    return "".join(kept), kept.count("\ufffd") - value.count("\ufffd")


def is_storable(value: str) -> bool:
    """Tell whether a text can be stored and sent: without NUL (PostgreSQL) and surrogates (UTF-8)."""
    return not any(each == "\x00" or "\ud800" <= each <= "\udfff" for each in value)


def plain_code(code: str) -> str:
    """Normalise a code that a person typed: ASCII digits and lower-case letters, no separators.

    Spaces, hyphens and invisible characters are removed. Digits of any script and width become ASCII
    digits (Unicode's Numeric_Type=Decimal). Returns the empty text for a code of over 100 characters.
    """
    if len(code) > _LONGEST_CODE:
        return ""
    kept = (each for each in unicodedata.normalize("NFKC", code) if not _is_separator(each))
    return "".join(_digit(each) for each in kept).casefold()


def _fault(character: str, lines: bool) -> str | None:
    """Return what is wrong with a character, or None."""
    if character.isprintable() or (lines and character in _LINES):
        return None
    match unicodedata.category(character):
        case "Cc":
            return "control characters"
        case "Cs":
            return "half a character (a surrogate without the other one of its pair)"
    is_turning = unicodedata.bidirectional(character) in _TURNING
    return "characters that turn the direction of text around" if is_turning else None


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return not category.startswith("Z") and category not in ("Cc", "Cf", "Cs")


def _is_separator(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Pd", "Cf")


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
