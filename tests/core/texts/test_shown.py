"""Names of clients are text wherever they are shown: Markdown, HTML, JSON, logs, terminals."""

import json
import logging
import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from blocks.errors import FileHeld
from blocks.errors.shown import in_json, in_line, in_markdown, visible
from tasks.imports.final_state import _summary
from tasks.records.counts import Counts
from tasks.records.stages import FileOutcome, Hold
from tasks.runs import failure
from tasks.texts.failure import failure_summary
from tasks.texts.hold_question import question
from tasks.texts.markdown import markdown_table

pytestmark = pytest.mark.core

RENDERED = MarkdownIt("commonmark").enable(["table", "strikethrough"])
EVIL = (
    "![x](http://evil.example/t.png) <img src=x onerror=alert(1)> [Release](javascript:alert(1))"
    " `a` | b ~~c~~ **d** www.evil.example &lt; <!-- \\ \u202egnp.exe\u200b.csv"
)
NAMES = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text("[]()!<>&|`*_~#+-=:;/\\.@\"'{} \n\t1aw\u202e\u200b\ufeff\xa0", min_size=1, max_size=40),
    st.sampled_from(
        [EVIL, "1. a", "- a", "# a", "www.a.b", "    a", "---", "a\n---", "&#33;[a](b)"]
    ),
)
PLACES = ["{}", "## {}", "> {}", "- **{}**, x", "a {}", "| a |\n| --- |\n| {} |"]
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
ALLOWED = {
    "inline", "text", "text_special", "heading_open", "heading_close", "paragraph_open",
    "paragraph_close", "blockquote_open", "blockquote_close", "bullet_list_open", "list_item_open",
    "bullet_list_close", "list_item_close", "strong_open", "strong_close", "table_open",
    "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close",
    "th_open", "th_close", "td_open", "td_close",
}  # fmt: skip


def flat(tokens: list[Token]) -> Iterator[Token]:
    """All tokens, those inside of others included."""
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def is_seen(text: str) -> bool:
    """Whether every character of it shows, and where it is."""
    return not any(
        unicodedata.category(each) in INVISIBLE or (each != " " and each.isspace()) for each in text
    )


def rendered(markdown: str) -> tuple[list[str], str]:
    """What a page is made of, pieces of text as one, and the text itself."""
    tokens = list(flat(RENDERED.parse(markdown)))
    kinds = ["text" if token.type == "text_special" else token.type for token in tokens]
    texts = "".join(token.content for token in tokens if token.type in ("text", "text_special"))
    return [kind for kind, _ in groupby(kinds)], texts


@pytest.mark.parametrize("place", PLACES)
@given(name=NAMES)
def test_markdown_shows_a_name_as_text(place: str, name: str) -> None:
    """Rendered, it is the name: no link, picture, HTML, code, list, or end of a cell or line."""
    shown = in_markdown(name)
    assume(shown)
    kinds, text = rendered(place.format(shown))
    kinds_of_a_word, with_a_word = rendered(place.format("WORD"))
    assert kinds == kinds_of_a_word
    line = visible(re.sub("[ \\t\\n\\r\\f\\v]+", " ", name).strip(" "))
    assert text == with_a_word.replace("WORD", line)
    assert is_seen(text)


@given(NAMES)
def test_json_is_the_same_value_and_is_seen(name: str) -> None:
    """A program gets the name; a reader sees each character."""
    text = in_json({name: [name]})
    assert json.loads(text) == {name: [name]}
    assert is_seen(text.replace("\n", ""))


@given(NAMES)
def test_a_line_is_one_line(name: str) -> None:
    """In logs, errors, states and terminals nothing ends it, hides, or turns it around."""
    for shown in (visible(name), in_line(name), str(FileHeld(name.replace("\n", "")))):
        assert is_seen(shown)
    assert not set("<>[]`") & set(in_line(name))


def test_ordinary_names_are_as_they_are() -> None:
    """Letters of any language, blanks, dots, dashes and brackets are nobody's markup."""
    for name in ("Clienti città (2).csv", "контакты 7.csv", "a_b-c.csv.gz", "客户.csv"):
        assert visible(name) == in_line(name) == name
        assert json.loads(in_json(name)) == name
        assert name in in_json(name)
    assert in_markdown("Clienti città (2).csv") == "Clienti città (2).csv"


def test_bidirectional_and_invisible_characters_are_seen() -> None:
    """An override, a zero-width space, a tag character, a filler, a blank that is none."""
    shown = visible("a\u202eb\u200bc\U000e0041d\u3164e\u00a0f\x1b[31m\u2066\u2800\ufe0f")
    assert shown == r"a\u202eb\u200bc\U000e0041d\u3164e\xa0f\x1b[31m\u2066\u2800\ufe0f"


def held(name: str) -> FileOutcome:
    """A file of that name that is held for a reason that quotes it."""
    return FileOutcome(
        name, "held", Counts(), hold=Hold("header", f"The file {name} lacks a column.")
    )


def test_everything_that_operators_see_shows_text() -> None:
    """Artifact of a failure, question about a hold, table, message of a state, line of a log."""
    outcome = held(EVIL)
    assert outcome.hold
    pages = [
        failure_summary(f"import: {EVIL}", EVIL, "", [EVIL]),
        question(outcome, outcome.hold, days=3),
        markdown_table((EVIL, "b"), [(EVIL, 1)]),
    ]
    for page in pages:
        assert {token.type for token in flat(RENDERED.parse(page))} <= ALLOWED
        assert is_seen(page.replace("\n", ""))
        assert "<img" not in RENDERED.render(page)
    message = _summary(outcome, 0).partition(" is held")[0]
    assert not set("<>[]`") & set(message)


def test_a_log_line_shows_text() -> None:
    """Names in lines of a run's log neither end the line nor hide."""
    record = logging.LogRecord("n", 20, "p", 1, "%s: %d", (f"{EVIL}\nforged", 3), None)
    assert failure._Visible().filter(record)
    assert is_seen(record.getMessage())
