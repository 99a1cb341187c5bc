"""One spelling for each mailbox, and only addresses that mail can reach."""

import polars as pl
import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.emails import normalised, plain, with_ascii_domains


def judged(*addresses: str) -> list[bool]:
    return [each != UNREADABLE for each in normalised(pl.Series(addresses, dtype=pl.String))]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.it",
        "mario.rossi+news@mail.example.com",
        "o'brien@example.ie",
        "x_y=z@1and1.de",
        "m@a--b.example",
        "x@example.museum",
        "m@münchen.de",
        "m@xn--mnchen-3ya.de",
        "m@例え.テスト",
        "m@ｅｘａｍｐｌｅ。com",
        "l" * 64 + "@example.com",
        "m@" + "d" * 63 + ".com",
        "m@" + ".".join(["d" * 50] * 4) + ".com",
    ],
)
def test_good_addresses_pass(address: str) -> None:
    """No address that mail can reach is refused."""
    assert judged(address) == [True]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mario",
        "@example.com",
        "mario@",
        "mario@example",
        "mario@@example.com",
        "a@b@example.com",
        ".mario@example.com",
        "mario.@example.com",
        "mario..rossi@example.com",
        "mario@.example.com",
        "mario@example..com",
        "mario@example.com.",
        "mario@-example.com",
        "mario@example-.com",
        "mario@exa_mple.com",
        "mario@example.c",
        "mario@example.123",
        "mario@192.168.1.1",
        "mario rossi@example.com",
        "mario@example.com, x@example.com",
        '"mario rossi"@example.com',
        "mário@example.com",
        "mario\u200b@example.com",
        "mario@ex\u0000ample.com",
        "m@" + "ü" * 80 + ".de",
        "l" * 65 + "@example.com",
        "m@" + "d" * 64 + ".com",
        "m@" + "d" * 64 + ".example.com",
        "m@www." + "d" * 64 + ".com",
        "m@" + ".".join(["d" * 50] * 5) + ".com",
    ],
)
def test_bad_addresses_are_refused(address: str) -> None:
    """Nothing that no mail server would take gets through."""
    assert judged(address) == [False]


def test_international_domains_become_punycode() -> None:
    """The two spellings of an international domain are one address."""
    got = with_ascii_domains(pl.Series(["m@münchen.de", None, "m@b.it", "m@faß.de"]))
    assert got.to_list() == ["m@xn--mnchen-3ya.de", None, "m@b.it", "m@xn--fa-hia.de"]


def one(cell: str) -> str:
    return normalised(pl.Series([cell], dtype=pl.String)).item()


@pytest.mark.parametrize(
    "cell",
    [
        "'anna@example.it",
        "\u2019anna@example.it",
        "'anna@example.it'",
        '"anna@example.it"',
        "“anna@example.it”",
        '="anna@example.it"',
        '="\'anna@example.it"',
        "%20anna@example.it",
        "anna@example.it%0d%0a",
        "%c2%a0anna@example.it%20",
        "anna%40example.it",
        "mailto:anna@example.it",
        "<anna@example.it>",
        "<mailto:anna@example.it>",
        "anna rossi <anna@example.it>",
        '"rossi, anna" <anna@example.it>',
        "anna@example.it <anna@example.it>",
        "\u202aanna@example.it\u202c",
        "\u2068anna@example.it\u2069",
    ],
)
def test_marks_around_an_address_are_taken_off(cell: str) -> None:
    """What a spreadsheet, a URL or a mail program put around an address is no part of it."""
    if "\u2068" in cell or "\u202a" in cell:
        cell = cell.strip("\u2068\u2069\u202a\u202c")  # as every cell is trimmed before
    assert one(cell) == "anna@example.it"


@pytest.mark.parametrize(
    "cell",
    [
        "=anna@example.it",
        "`anna@example.it",
        "%anna@example.it",
        "an%20na@example.it",
        "anna'@example.it",
        "+anna@example.it",
        "-anna@example.it",
        "&lt;anna@example.it&gt;",
        "&anna@example.it",
        "email=anna@example.it",
        "?to=anna@example.it",
        "mailto:anna@example.it?subject=ciao",
        "rossi, anna <anna@example.it>",
        "bea@example.it <anna@example.it>",
        "anna@example.it (lavoro)",
        "anna@example.it;bea@example.it",
        "anna@example.it\nbea@example.it",
        "anna@exa\u00admple.it",
        "anna\u200d@example.it",
        "\u202eti.elpmaxe@anna",
        "anna@exаmple.it",
        "anna@аррӏе.com",
        "anna@ουρανια.com",
        "anna@ɡoogle.com",
        "anna@mail.local",
        "anna@xn--zzzzzz99999999.it",
        "anna@ab--cd.it",
    ],
)
def test_what_may_be_a_mark_or_another_address_is_refused(cell: str) -> None:
    """Nobody gets mail at an address that is not surely the one that a person reads."""
    assert one(cell) == UNREADABLE


def test_words_of_one_script_are_no_deceit() -> None:
    """Domains in Cyrillic, Greek or Japanese that look like themselves are reached."""
    assert one("anna@почта.рф") == "anna@xn--80a1acny.xn--p1ai"
    assert one("anna@δοκιμή.gr") == "anna@xn--jxalpdlp.gr"
    assert one("anna@日本語と日本.jp").endswith(".jp")


PIECES = st.sampled_from(
    [
        "a",
        "b1",
        "_",
        "'",
        "=",
        "%",
        "+",
        "-",
        "--",
        ".",
        "..",
        "@",
        "it",
        "com",
        "xn--",
        "local",
        "x",
    ]
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(PIECES, max_size=6), st.lists(PIECES, max_size=5), st.sampled_from(["it", "co.uk"]))
def test_what_is_read_in_bulk_is_valid_to_the_library(
    local: list[str], domain: list[str], end: str
) -> None:
    """The grammar of many addresses at once accepts nothing that email-validator refuses."""
    cell = f"{''.join(local)}@{''.join(domain)}.{end}"
    if plain(pl.Series([cell])).item():
        answer = validate_email(cell, check_deliverability=False, strict=True)
        assert answer.ascii_email == cell


AROUND = st.lists(
    st.sampled_from(
        ["'", '"', "<", ">", '="', "=", "`", "%20", "%", " ", "\u2019", "mailto:", ";"]
    ),
    max_size=3,
).map("".join)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(AROUND, st.text("ab.'+=%_-", min_size=1, max_size=5), AROUND)
def test_an_address_that_is_sent_stands_in_the_cell(before: str, local: str, after: str) -> None:
    """Whatever is around it, what is sent is what is between the marks, unchanged and whole."""
    sent = one(f"{before}{local}@example.it{after}")
    assert sent in (UNREADABLE, f"{local.lstrip(chr(39))}@example.it")
