"""Promises about gpg's status lines: nothing that a sender chooses is taken for one of them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.gpg.status import _UNREADABLE, decrypted, imported, read_status, signers

pytestmark = pytest.mark.core

US, CLIENT, OTHER = "A" * 40, "0123456789ABCDEF" * 2 + "FEDCBA98", "B" * 40
BEGIN = [f"DECRYPTION_KEY {US} {US} u", "BEGIN_DECRYPTION", "DECRYPTION_INFO 2 9 0"]
PLAINTEXT = ["PLAINTEXT 62 1796057959 ", "PLAINTEXT_LENGTH 5"]
END = ["DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION"]
BAD = ["BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"]


def signature(by: str = CLIENT, key: str = "") -> list[str]:
    return [
        "NEWSIG", f"KEY_CONSIDERED {by} 0", "SIG_ID x 2026-11-30 1796057959",
        f"GOODSIG {key or by[-16:]} A Client <a@client.it>", valid(by),
    ]  # fmt: skip


def valid(by: str = CLIENT, *, kind: str = "00") -> str:
    return f"VALIDSIG {by} 2026-11-30 1796057959 0 4 0 22 10 {kind} {by}"


def status_lines(*groups: list[str]) -> bytes:
    """The bytes that gpg writes for these lines."""
    lines = [line for group in groups for line in group]
    return "".join(f"[GNUPG:] {line}\n" for line in lines).encode("utf-8", "surrogateescape")


def by_whom(*groups: list[str]) -> set[str]:
    return signers(read_status(status_lines(*groups)))


def escaped(content: bytes, lowest: int = 0x20) -> str:
    """What gpg makes of a text in a status line: it escapes controls, %, and in names blanks."""
    safe = [
        f"%{byte:02X}".encode() if byte <= lowest or byte in b"%\x7f" else bytes([byte])
        for byte in content
    ]
    return b"".join(safe).decode("utf-8", "surrogateescape")


LINES = [f"GOODSIG {CLIENT[-16:]} x", valid(), "DECRYPTION_OKAY", "PLAINTEXT 62 0 ", "NEWSIG"]
BETWEEN = ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x00", "%0A", "\x85", "\xa0", "\u2003",
           "\u2028", "\u2029", "\ufeff", " ", "[GNUPG:] ", "[GNUPG:]\xa0"]  # fmt: skip
HOSTILE = st.one_of(
    st.binary(max_size=40),
    st.lists(
        st.one_of(st.sampled_from(LINES), st.sampled_from(BETWEEN), st.text(max_size=5)), max_size=9
    ).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")),
    st.sampled_from(BETWEEN).map(
        lambda end: f"x{end}[GNUPG:]\xa0GOODSIG{end}[GNUPG:]\xa0VALIDSIG\xa0{CLIENT}{end}".encode()
    ),
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_that_a_sender_chooses_is_a_signature(name: bytes, uid: bytes, note: bytes) -> None:
    """Whatever name, user id, notation or policy is in an unsigned message, or one of a stranger,
    nobody has signed it; the same in a signed one change nothing."""
    plain = [f"PLAINTEXT 62 1796057959 {escaped(name)}", "PLAINTEXT_LENGTH 5"]
    notes = [
        f"NOTATION_NAME {escaped(note)}", "NOTATION_FLAGS 0 1", f"NOTATION_DATA {escaped(note)}",
        f"POLICY_URL {escaped(note)}",
    ]  # fmt: skip
    new, shown = f"NEWSIG {escaped(uid)}", escaped(uid, 0x1F)
    foreign = [
        new,
        f"ERRSIG {OTHER[-16:]} 22 10 00 0 9 {OTHER}",
        *notes,
        f"NO_PUBKEY {OTHER[-16:]}",
    ]
    bad = [new, *notes, f"BADSIG {CLIENT[-16:]} {shown}"]
    for group in ([], foreign, bad, notes):
        assert not by_whom(BEGIN, plain, group, END)
    good = [new, f"GOODSIG {CLIENT[-16:]} {shown}", *notes, valid()]
    assert by_whom(BEGIN, plain, good, END) == {CLIENT}


@given(st.integers(0, 5), st.integers(0, len(status_lines(BEGIN, PLAINTEXT, signature(), END))))
def test_an_answer_that_was_cut_or_is_mixed_up_is_no_signature(swap: int, cut: int) -> None:
    """The lines of one good signature count whole and in gpg's order only."""
    whole = status_lines(BEGIN, PLAINTEXT, signature(), END)
    if cut < len(whole):
        assert not signers(read_status(whole[:cut]))
    material = [BEGIN[1], PLAINTEXT[0], "NEWSIG", signature()[3], valid(), END[0], END[2]]
    assert by_whom(BEGIN[:1], material) == {CLIENT}
    material[swap], material[swap + 1] = material[swap + 1], material[swap]
    assert not by_whom(BEGIN[:1], material)


@pytest.mark.parametrize(
    "group",
    [
        *([*signature(), "NEWSIG", f"{word} {OTHER[-16:]} Somebody"] for word in BAD),
        *([*signature(), f"{word} {OTHER[-16:]} Somebody"] for word in BAD),
        *(["NEWSIG", f"{word} {CLIENT[-16:]} Client", valid()] for word in BAD),
        [*signature(), *PLAINTEXT], [*signature()[1:]], [*signature()[:-1]], [valid()],
        [*signature(), "SOMETHING_NEW x"], [*signature(), "FAILURE gpg-exit 33554433"],
        [*signature(), "ERROR proc_pkt.plaintext 89_BAD_DATA"], [*signature(), "BADARMOR"],
        [*signature()[:-1], valid(OTHER)], signature(CLIENT, OTHER[-16:]),
        [*signature()[:-1], valid(kind="10")], [*signature()[:-1], valid() + " x"],
        [*signature()[:-1], valid().replace(" 0 4 ", " 0  4 ")], [*signature()[:-1], valid() + " "],
        [*signature()[:-1], valid().lower()], [*signature()[:-1], f"VALIDSIG {CLIENT}"],
        [*signature()[:-1], valid().replace(" ", "\xa0")], [*signature(), "no keyword"],
        ["NEWSIG", "GOODSIG", valid()], [*signature(), "GOODSIG " + CLIENT[-16:] + " again"],
        ["NEWSIG\r", *signature()[1:]],
    ],
    ids=str,
)  # fmt: skip
def test_what_gpg_does_not_write_for_a_good_signature_is_none(group: list[str]) -> None:
    """Wrong words, numbers of words, order, keys that do not belong together: nobody signed."""
    assert not by_whom(BEGIN, PLAINTEXT, group, END)


def test_a_signature_counts_inside_of_what_was_decrypted_only() -> None:
    """One before, after or around it is about something else."""
    assert by_whom(BEGIN, PLAINTEXT, signature(), END) == {CLIENT}
    assert by_whom(BEGIN, PLAINTEXT, signature(), signature(OTHER), END) == {CLIENT, OTHER}
    assert not by_whom(BEGIN, PLAINTEXT, END, signature())
    assert not by_whom(signature(), BEGIN, PLAINTEXT, END)
    assert not by_whom(BEGIN, signature(), PLAINTEXT, END)
    assert not by_whom(PLAINTEXT, signature())


def test_a_message_counts_as_decrypted_if_it_is_one() -> None:
    """Two plaintexts, one outside, or none, are not one encrypted message; nor is one that was
    opened with a mere passphrase."""
    assert decrypted(read_status(status_lines(BEGIN, PLAINTEXT, END)))
    for groups in (
        (BEGIN, PLAINTEXT, PLAINTEXT, END), (PLAINTEXT, BEGIN, END), (BEGIN, END),
        (BEGIN, PLAINTEXT, END[:2]), (BEGIN[1:], PLAINTEXT, END), (BEGIN, PLAINTEXT, END, END),
        (BEGIN, PLAINTEXT, END, PLAINTEXT), (BEGIN, ["PLAINTEXT 62 0 two words"], END),
        (BEGIN, PLAINTEXT, ["DECRYPTION_OKAY x"], END[2:]),
    ):  # fmt: skip
        assert not decrypted(read_status(status_lines(*groups))), groups


@given(HOSTILE)
def test_a_user_id_is_no_imported_key(uid: bytes) -> None:
    """Of a key's user id nothing is taken for another fingerprint."""
    lines = [f"IMPORTED {CLIENT[-16:]} {escaped(uid, 0x1F)}", f"IMPORT_OK 1 {CLIENT}"]
    assert imported(read_status(status_lines(lines))) == {CLIENT}
    assert imported(read_status(status_lines(lines)[:-1])) == set()


@given(st.binary(max_size=200), st.text(string.ascii_uppercase + "_ :[]?" + string.digits))
def test_anything_can_be_read(content: bytes, line: str) -> None:
    """No bytes break the reading, and none of them is a line of gpg without its mark."""
    for each in (content, b"[GNUPG:] " + content, status_lines([line])):
        assert signers(read_status(each)) == set()
        assert all(found.keyword for found in read_status(each))
    assert [each.keyword for each in read_status(line.encode() + b"\n")] == [_UNREADABLE]
