"""Text that people type: what is accepted unchanged, and what is refused with which reason."""

from __future__ import annotations

import pytest

from watchword.errors import BadUserInput
from watchword.formats.text import checked_text, cleaned_text, is_storable, mended_text, plain_code

GOOD = {
    "a fire engine": "\U0001f692 \u00e9",
    "a Persian word with a joiner": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "a family of emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f466",
    "the flag of Scotland": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "a no-break space": "Ann\u00a0Lee",
    "a soft hyphen": "Lee\u00adson",
    "a mark of direction": "\u05d0\u05d1 (1)\u200f",
    "a combining accent": "e\u0301",
    "a character of the future": "\U0001fbff",
    "one of private use": "\uf8ff",
}
BAD = {
    "NUL": ("a\x00b", "control characters"),
    "a line break": ("a\nb", "control characters"),
    "a tab": ("a\tb", "control characters"),
    "an escape": ("a\x1b[31m", "control characters"),
    "a C1 control": ("a\x85b", "control characters"),
    "half an emoji": (
        "a\ud83d",
        "half a character (a surrogate without the other one of its pair)",
    ),
} | {
    f"U+{ord(turning):X}": (f"a{turning}b", "characters that turn the direction of text around")
    for turning in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
}


@pytest.mark.parametrize("given", GOOD.values(), ids=GOOD)
def test_what_is_text_is_kept_as_it_is(given: str) -> None:
    assert checked_text(f" {given}\u3000\n", ["name"], 100) == given
    assert cleaned_text(f" {given} ", 100) == given


@pytest.mark.parametrize(("given", "fault"), BAD.values(), ids=BAD)
def test_what_is_no_text_is_refused_by_its_path_with_a_reason(given: str, fault: str) -> None:
    with pytest.raises(BadUserInput) as error:
        checked_text(given, ["input", "name"], 100)
    assert error.value.extensions["path"] == ["input", "name"]
    assert error.value.message == f"name must not hold {fault}."


@pytest.mark.parametrize(("given", "_fault"), BAD.values(), ids=BAD)
def test_a_name_that_nobody_can_be_asked_about_is_kept_without_it(given: str, _fault: str) -> None:
    cleaned = cleaned_text(given, 100)
    assert cleaned.startswith("a")
    assert checked_text(cleaned, ["name"], 100) == cleaned


@pytest.mark.parametrize(("given", "_fault"), BAD.values(), ids=BAD)
def test_a_text_of_another_system_shows_where_it_was_mended(given: str, _fault: str) -> None:
    mended, count = mended_text(f"{given}\ufffd")
    if set(given) & set("\t\n"):
        assert (mended, count) == (f"{given}\ufffd", 0)
    else:
        assert (mended[1], count) == ("\ufffd", 1)
    assert checked_text(mended, ["body"], 100, lines=True) == mended


def test_lines_are_for_texts_that_have_several() -> None:
    assert checked_text("\na\r\n\tb\n", ["body"], 100, lines=True) == "a\r\n\tb"
    for given in ("a\x00b", "a\x0bb", "a\u202eb"):
        with pytest.raises(BadUserInput):
            checked_text(given, ["body"], 100, lines=True)


@pytest.mark.parametrize("given", ["", "  \n", "\u00a0\u3000", "\u200b", "\u200d \ufeff"])
def test_what_cannot_be_seen_is_empty(given: str) -> None:
    with pytest.raises(BadUserInput) as error:
        checked_text(given, ["input", "name"], 5)
    assert error.value.message == "name must not be empty."
    assert cleaned_text(given, 5) == ""


def test_it_has_an_end() -> None:
    assert checked_text("xxxxx ", ["name"], 5) == "xxxxx"
    with pytest.raises(BadUserInput):
        checked_text("x" * 6, ["name"], 5)
    assert cleaned_text("xxxx yy", 5) == "xxxx"


def test_what_can_be_stored() -> None:
    assert is_storable("\u202e\n\U0001f692")
    assert not is_storable("a\x00")
    assert not is_storable("\udc00")


@pytest.mark.parametrize(
    "typed",
    [
        "123456", "123 456", "123-456", " 123456 ", "123456\n", "12 34 56", "123\u2013456", "123\u00a0456",
        "123\u202f456", "\uff11\uff12\uff13\uff14\uff15\uff16", "\u0661\u0662\u0663\u0664\u0665\u0666",
        "\u06f1\u06f2\u06f3 \u06f4\u06f5\u06f6", "\u0967\u0968\u0969\u096a\u096b\u096c", "\u200e123456\u200b",
        "\U0001d7cf\U0001d7d0\U0001d7d1456",
    ],
)  # fmt: skip
def test_a_code_is_read_as_it_was_meant(typed: str) -> None:
    assert plain_code(typed) == "123456"


@pytest.mark.parametrize("typed", ["", "1" * 101, "12345\x00", "1.23456", "\ud800"])
def test_what_is_no_code_becomes_none(typed: str) -> None:
    assert plain_code(typed) != "123456"
