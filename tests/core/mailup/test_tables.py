"""Pages read as tables hold what Python's parser finds in them, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.parsing import parsed
from blocks.mailup.pages.frames import frame
from blocks.mailup.pages.page import Page
from blocks.mailup.pages.tables import Table, tabled
from blocks.mailup.pages.walking import walk
from blocks.mailup.resources.statistics import _PERSON, BOUNCES, CLICKS, VIEWS

KEYS = ("IdRecipient", "Email", "Count", "URL", "bounce_code", "ViewDate", "é\n")
PLAIN = {
    "IdRecipient": some.integers(-(2**63), 2**63 - 1), "Count": some.integers(0, 3),
    "ViewDate": some.sampled_from(["2024-01-02 03:04:05Z", "/Date(1396360386000+0200)/", None]),
}  # fmt: skip
ODD: list[Any] = [
    None, True, 1.0, -0.0, 1e300, 2**63, -(2**63) - 1, 10**30, "", "1", "\ud83d", [], ["x"], {},
    {"a": 1}, float("nan"),
]  # fmt: skip
ENVELOPE = '{{"IsPaginated":true,"Items":{},"PageNumber":0,"PageSize":50,"TotalElementsCount":70}}'


def written(items: Any, *, slashes: bool = True, ascii: bool = False) -> bytes:
    """A page as .NET writes it."""
    text = json.dumps(items, ensure_ascii=ascii, separators=(",", ":"))
    text = ENVELOPE.format(text.replace("/", "\\/") if slashes else text)
    return text.encode("utf-8", "surrogatepass")


@some.composite
def alike(draw: some.DrawFn) -> list[dict[str, Any]]:
    """Items with the same keys, whose values have the types of their key."""
    keys = draw(some.lists(some.sampled_from(KEYS), min_size=1, unique=True))
    values = some.tuples(*(PLAIN.get(key, some.text()) for key in keys))
    items = draw(some.lists(values, min_size=1, max_size=8))
    return [dict(zip(keys, each, strict=True)) for each in items]


def outcome(read: Any, body: bytes) -> str:
    """Everything that is made of an answer, as text; the kind of error where it is refused."""
    try:
        page = Page.read(read(body))
        rows = [frame(page.items, columns).rows() for columns in (VIEWS, CLICKS, BOUNCES)]
        return repr((list(page.items), page.size, page.total, rows))
    except (ValueError, MailUpUnavailable, TypeError) as error:
        return type(error).__name__


@given(alike(), some.booleans())
def test_items_that_are_alike_mean_the_same(items: list[dict[str, Any]], slashes: bool) -> None:
    """Whatever the texts hold, a page is what Python's parser makes of it."""
    body = written(items, slashes=slashes)
    assert outcome(tabled, body) == outcome(parsed, body)


@pytest.mark.parametrize("slashes", [True, False])
def test_items_that_are_alike_come_as_a_table(slashes: bool) -> None:
    """Nearly all pages of a statistic: no Python object is made for any item."""
    items = [
        {"Count": n, "Url": f"https://è.it/{n}?a=[b]", "Email": "a@b.it", "IdRecipient": n * 2**40}
        for n in range(-9, 9)
    ]
    found = Page.read(tabled(written(items, slashes=slashes))).items
    assert isinstance(found, Table)
    assert list(found) == items
    assert found[2:] == items[2:]


@given(alike(), some.data())
def test_one_odd_value_changes_no_other(items: list[dict[str, Any]], data: some.DataObject) -> None:
    """Another type, a key too many, one too few or in another place: read as by Python's parser."""
    item = data.draw(some.sampled_from(items))
    key = data.draw(some.sampled_from([*item, "Url"]))
    value = item.pop(key, None)
    if data.draw(some.booleans()):
        item[key] = data.draw(some.sampled_from([*ODD, value]))
    body = written(items, slashes=data.draw(some.booleans()), ascii=data.draw(some.booleans()))
    assert outcome(tabled, body) == outcome(parsed, body)


@given(alike(), some.data())
def test_broken_bytes_are_read_or_refused_alike(
    items: list[dict[str, Any]], data: some.DataObject
) -> None:
    """A few bytes that are replaced, cut out or put in between: the same page, or no page."""
    body = written(items)
    for _ in range(data.draw(some.integers(1, 3))):
        at, until = sorted(data.draw(some.tuples(*[some.integers(0, len(body))] * 2)))
        pieces = [b"", b"[", b"]", b"{}", b"\\", b"\\/", b'"', b",", b" ", b"0", b"\xff", b"null",
                  b'"Items":[],', body[at:until]]  # fmt: skip
        until = data.draw(some.sampled_from([at, min(at + 1, len(body)), until]))
        body = body[:at] + data.draw(some.sampled_from(pieces)) + body[until:]
    assert outcome(tabled, body) == outcome(parsed, body)


@pytest.mark.parametrize(
    "items",
    [
        '[{"Count":1},{"Count":1.0}]', '[{"Count":-0}]', '[{"Count":1e2}]', '[{"Count":"1"}]',
        '[{"Count":1},{"Count":true}]', '[{"Count":9223372036854775808}]', '[{"Email":5}]',
        '[{"Email":"a"},{"Email":5}]', '[{"Email":null},{"Email":5}]', '[{"Count":1,"Count":2}]',
        '[{"Email":"a","Email":"b"}]', '[{"Count":1},{}]', '[{},{}]', "[null]", "[1]", "[]",
        '[{"Count":1},null]', '[{"Count":1},{"Count":1,"a":2}]', '[{"a":1,"b":2},{"b":2,"a":1}]',
        '[{"Email":"\\ud83d"}]', '[{"Email":"\\u00e8"}]', '[{"Email":"a\\\\/b"}]',
        '[{"Email":"a\\\\\\/b"}]', '[{"Email":"\\u0000\\n\\"\\\\]"}]', '[{"Email":"[}],{["}]',
        '[{"Email":{"a":1}}]', '[ {"Count":1} ]', '[{"Count":1},]', '[{"Count":01}]', '{"a":[1]}',
        '[{"Count":' + "[" * 500 + "]" * 500 + "}]", '"x"', "null", '[{"Email":"\\u007f\x7f"}]',
        '[{"Email":"2024-01-02T03:04:05"}]', '[{"Email":"a"},{"Email":null}]',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "envelope",
    [
        ENVELOPE, "{}", '{{"Items":{},"items":[{{"Count":3}}]}}', '{{"items":"]","Items":{}}}',
        '{{"Error":{{"Items":{}}}}}', '{{"Error":{},"Items":[]}}', '{{"a":"\\"Items\\":{}"}}',
        '{{"ITEMS":{},"PageSize":"x"}}', '{{"Items":{}}} ]', '\ufeff{{"Items":{}}}',
    ],
)  # fmt: skip
def test_odd_pages_are_read_as_python_reads_them(envelope: str, items: str) -> None:
    """Whatever is spelled, nested or repeated otherwise is what it was."""
    body = envelope.format(items).encode()
    assert outcome(tabled, body) == outcome(parsed, body)


@given(alike(), alike())
@example([{"Count": 1, "URL": "a"}], [{"URL": "a", "Count": 1}])
def test_tables_are_equal_as_lists_are(one: list[Any], other: list[Any]) -> None:
    """Pages are compared to see whether a server repeats itself, however it spells them."""
    first, second = (Page.read(tabled(written(each))).items for each in (one, other))
    assert (first == second) is (one == other)
    assert (first == other) is (one == other)
    assert first == Page.read(tabled(written(one))).items


def test_a_repeated_table_is_refused() -> None:
    """A server that ignores the page number ends in an error, also where items are alike."""
    body = written([{"IdRecipient": number} for number in range(50)])
    with pytest.raises(MailUpUnavailable, match="same page twice"):
        list(walk(lambda *_: Page.read(tabled(body)), 50, _PERSON))
