"""One spelling for each mailbox, and only addresses that mail can reach."""

import polars as pl
import pytest

from tasks.records.mapping.emails import valid, with_ascii_domains


def judged(*addresses: str) -> list[bool]:
    frame = pl.DataFrame({"email": with_ascii_domains(pl.Series(addresses, dtype=pl.String))})
    return frame.select(valid(pl.col("email"))).to_series().to_list()


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
        "mario@example.com\n",
        "<mario@example.com>",
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
