"""The text of an update is shown as it was written, and never as markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_room.pages.bodies import as_html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("One.\nTwo.", "<p>One.<br>Two.</p>"),
        ("One.\r\n\r\nTwo.", "<p>One.</p>\n<p>Two.</p>"),
        ('<b>bold</b> & "more"', "<p>&lt;b&gt;bold&lt;/b&gt; &amp; &#34;more&#34;</p>"),
        ("", ""),
        (
            "See https://x.example/a?b=1&c=2, please.",
            '<p>See <a href="https://x.example/a?b=1&amp;c=2" rel="nofollow noopener">'
            "https://x.example/a?b=1&amp;c=2</a>, please.</p>",
        ),
        ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
    ],
)
def test_a_body_becomes_paragraphs(body: str, html: str) -> None:
    assert as_html(body) == html


@given(st.text(alphabet=st.sampled_from("<>\"'&/ :htps.x\n`=;")))
def test_no_body_makes_another_tag(body: str) -> None:
    made = str(as_html(f"{body}https://x.example{body}"))
    for tag in re.findall(r"<[^>]*>", made):
        assert re.fullmatch(
            r'</?p>|<br>|</a>|<a href="https?://[^"<>]*" rel="nofollow noopener">', tag
        )
