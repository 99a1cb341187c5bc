"""Nobody is subscribed against their will."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.errors import ConfigurationError, RunStopped
from tasks.records.consent.apply import GRANTED, ConsentResult, apply_consent, prepare_unsubscribed
from tasks.records.consent.settings import Consent, check_grant
from tasks.records.frames import LINE, REJECTS, UNSUBSCRIBED_PEOPLE
from tasks.records.mapping.resolve import resolve_mapping
from tasks.records.mapping.settings import Column, Mapping
from tasks.records.validation.row_rules import row_rules
from tasks.records.validation.validate import validate

TODAY = date(2026, 5, 15)
GRANT = {
    "import_type": "opt-in",
    "grant_date": "2026-05-01",
    "grant_by": "Chief of marketing",
    "grant_reason": "New subscription form",
    "grant_expires": "2026-05-31",
}
LEFT = ["0", "01", "2", "21", "4", "32", "321", "64", "642", "128"]
BOUNCED = ["8", "80", "83", "256", "2563", "512", "5121"]
COMPLAINED = ["16", "161", "162"]
CLOSED = ["1024", "999", "", None]
Person = tuple[int, str, str, str | None]


def judged(
    rows: list[tuple[str, str, str]],
    people: list[Person] | None,
    *,
    status: bool = True,
    key: str = "both",
    left_on: str | None = "2026-04-01",
    **consent: Any,
) -> ConsentResult:
    """Rows are (email, mobile, status), all for list 7; people left on one day."""
    names = ["email", "cell", "status"]
    columns = [
        Column(column="email", target="email"),
        Column(column="cell", target="mobile"),
        *([Column(column="status", target="status")] if status else []),
    ]
    binding = resolve_mapping(Mapping(columns=columns, key=key), names, {}, list_id=7)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    frame = frame.with_row_index(LINE, offset=2).cast({LINE: pl.Int64})
    days = [(*person, left_on) for person in people or []]
    frame_of_people = pl.DataFrame(days, schema=UNSUBSCRIBED_PEOPLE, orient="row")
    return apply_consent(
        validate(frame, row_rules(binding)).records,
        frame,
        None if people is None else prepare_unsubscribed(frame_of_people),
        Consent(**consent),
        binding,
        today=TODAY,
    )


def fate(cause: str | None, status: str = "", **consent: Any) -> str:
    """The import type for a person with that cause, or the reason for which they are blocked."""
    got = judged([("a@b.it", "", status)], [(7, "email", "A@B.it", cause)], **consent)
    return str(got.send["import_type"][0] if got.send.height else got.blocked["reasons"][0][0])


@pytest.mark.parametrize(
    ("settings_", "sentence"),
    [
        ({"import_type": "opt-in"}, "grant_date, grant_by, grant_reason, grant_expires"),
        (GRANT | {"grant_by": " "}, "fill in grant_by"),
        (GRANT | {"grant_date": "01/05/2026"}, "grant_date must be a day such as 2026-01-31"),
        (GRANT | {"grant_date": "2026-W05-1"}, "grant_date must be a day"),
        (GRANT | {"grant_expires": "2026-02-30"}, "grant_expires must be a day"),
        (GRANT | {"grant_expires": "2026-04-30"}, "grant_expires is before grant_date"),
        (GRANT | {"unsubscribed": "block"}, "contradicts import_type 'opt-in'"),
        (GRANT | {"import_type": "default"}, "only for import_type 'opt-in'"),
        ({"import_type": "opt-out", "unsubscribed": "block"}, "only for import_type 'default'"),
    ],
)
def test_a_grant_is_complete_or_absent(settings_: dict[str, str], sentence: str) -> None:
    """Half a grant, or one without an opt-in, is refused with a sentence."""
    with pytest.raises(ValidationError) as caught:
        Consent(**settings_)
    assert sentence in str(caught.value)


def test_every_setting_is_described_for_the_form() -> None:
    """Each field of the form has a sentence that ends with a period."""
    for name, field in Consent.model_fields.items():
        assert (field.description or "").endswith("."), name


@pytest.mark.parametrize(
    ("day", "complaint"),
    [
        (date(2026, 4, 30), "after today"),
        (date(2026, 5, 1), ""),
        (date(2026, 5, 31), ""),
        (date(2026, 6, 1), "expired on 2026-05-31"),
    ],
)
def test_a_grant_holds_on_its_days_only(day: date, complaint: str) -> None:
    """A grant of the future and one of the past are refused in one sentence."""
    if not complaint:
        return check_grant(Consent(**GRANT), day)
    with pytest.raises(ConfigurationError, match=complaint):
        check_grant(Consent(**GRANT), day)
    return None


@pytest.mark.parametrize("cause", [*LEFT, *BOUNCED, *COMPLAINED, *CLOSED, "pending"])
@pytest.mark.parametrize("status", ["", "1"])
def test_without_a_grant_nobody_is_forced_in(cause: str | None, status: str) -> None:
    """Whatever the cause, and even if the row says subscribed, the import changes no status."""
    assert fate(cause, status) == "default"


@pytest.mark.parametrize(
    ("causes", "with_grant", "with_block"),
    [
        (LEFT, "optin", "consent_unsubscribed"),
        (CLOSED, "consent_unsubscribed", "consent_unsubscribed"),
        (BOUNCED, "consent_bounced", "consent_bounced"),
        (COMPLAINED, "consent_complained", "consent_complained"),
        (["pending"], "consent_pending", "default"),
    ],
)
def test_what_a_cause_means(causes: list[str | None], with_grant: str, with_block: str) -> None:
    """A grant opens only to people who left by themselves; blocking leaves out all but pending."""
    for cause in causes:
        assert fate(cause, **GRANT) == with_grant, cause
        assert fate(cause, unsubscribed="block") == with_block, cause


@pytest.mark.parametrize("cause", ["2", "8", "16", "1024", "pending"])
def test_leaving_is_always_possible(cause: str) -> None:
    """A row that unsubscribes passes under every agreement."""
    for consent in ({}, {"unsubscribed": "block"}, GRANT):
        assert fate(cause, "0", **consent) == "optout"


@pytest.mark.parametrize(
    ("left_on", "becomes"),
    [
        ("2024-02-20", "optin"),
        ("2026-04-30", "optin"),
        ("2026-05-01", "consent_unsubscribed"),
        ("2026-05-02", "consent_unsubscribed"),
        (None, "consent_unsubscribed"),
    ],
    ids=["before the grant", "on the eve", "on its day", "after it", "nobody knows when"],
)
def test_a_grant_is_no_answer_to_who_leaves_after_it(left_on: str | None, becomes: str) -> None:
    """Who unsubscribes on its very day, or later, has changed their mind, and stays out."""
    assert fate("2", left_on=left_on, **GRANT) == becomes
    assert fate("2", "0", left_on=left_on, **GRANT) == "optout"


def test_the_latest_departure_counts() -> None:
    """Of two entries for one person the later one decides, and one without a day stays out."""
    for days, latest in (
        (["2026-01-01", "2026-05-02"], "2026-05-02"),
        (["2026-05-02", "2026-01-01"], "2026-05-02"),
        (["2026-01-01", None], None),
    ):
        people = [(7, "email", "a@b.it", "2", day) for day in days]
        frame = pl.DataFrame(people, schema=UNSUBSCRIBED_PEOPLE, orient="row")
        assert prepare_unsubscribed(frame).by_list["left_on"].to_list() == [latest]


def test_a_grant_forces_only_those_who_left() -> None:
    """With a grant, people who are not known as unsubscribed are still default imports."""
    got = judged([("new@b.it", "", ""), ("a@b.it", "", "")], [(7, "email", "a@b.it", "2")], **GRANT)
    assert got.send["import_type"].to_list() == ["default", "optin"]


def test_an_opt_in_leaves_the_other_channel_alone() -> None:
    """Who is forced in by e-mail is sent without the mobile number, and the reverse."""
    people: list[Person] = [(7, "email", "a@b.it", "2"), (7, "sms", "+39 3331234567", "2")]
    rows = [("a@b.it", "3337654321", ""), ("", "3331234567", ""), ("c@b.it", "3337654322", "")]
    got = judged(rows, people, **GRANT).send
    assert got.select("email", "prefix", "number", "import_type").rows() == [
        ("a@b.it", None, None, "optin"),
        (None, "0039", "3331234567", "optin"),
        ("c@b.it", "0039", "3337654322", "default"),
    ]


@pytest.mark.parametrize("address", ["A@B.IT", " a@b.it "])
def test_addresses_meet_in_every_spelling(address: str) -> None:
    """How MailUp spells an address does not decide whether the person is found."""
    got = judged([("a@b.it", "", "")], [(7, "email", address, "2")], unsubscribed="block")
    assert got.blocked.height == 1


@pytest.mark.parametrize("address", ["00393331234567", "+393331234567", "393331234567"])
def test_numbers_meet_in_every_spelling(address: str) -> None:
    """Prefixes with +, with 00 and bare are one prefix."""
    got = judged([("", "3331234567", "")], [(7, "sms", address, "2")], unsubscribed="block")
    assert got.blocked["columns"].to_list() == [["cell"]]


def test_international_domains_meet() -> None:
    """An international domain is found in either spelling."""
    people: list[Person] = [(7, "email", "a@münchen.de", "2")]
    got = judged([("a@xn--mnchen-3ya.de", "", "")], people, unsubscribed="block")
    assert got.blocked.height == 1


def test_lists_are_kept_apart_except_for_bounces() -> None:
    """Leaving concerns one list; an address that bounced is gone for all lists."""
    left = judged([("a@b.it", "", "")], [(8, "email", "a@b.it", "2")], unsubscribed="block")
    lost = judged([("a@b.it", "", "")], [(8, "email", "a@b.it", "81")], unsubscribed="block")
    assert (left.blocked.height, lost.blocked.height) == (0, 1)


@pytest.mark.parametrize("worse", ["8", "16", "1024"])
def test_the_worst_cause_counts(worse: str) -> None:
    """Somebody who is there twice, once for a reason that no grant opens, stays out."""
    people: list[Person] = [(7, "email", "a@b.it", "2"), (7, "email", "A@b.it", worse)]
    assert judged([("a@b.it", "", "")], people, **GRANT).granted.is_empty()


@pytest.mark.parametrize("days", [("2026-05-01", "2026-05-14"), ("2026-05-16", "2026-05-31")])
def test_nothing_is_judged_on_a_grant_that_does_not_hold(days: tuple[str, str]) -> None:
    """Before and after its days a grant has no effect."""
    consent = GRANT | {"grant_date": days[0], "grant_expires": days[1]}
    with pytest.raises(ConfigurationError, match="grant"):
        judged([("a@b.it", "", "")], [], **consent)


def test_blocked_and_granted_people_are_listed_with_their_cells() -> None:
    """The lists say line, column, reason and the cells as they were."""
    rows = [("A@b.it", "", ""), ("c@b.it", "", ""), ("d@b.it", "", "")]
    people: list[Person] = [(7, "email", "a@b.it", "2"), (7, "email", "d@b.it", "8")]
    got = judged(rows, people, **GRANT)
    assert dict(got.blocked.schema) == dict(got.granted.schema) == REJECTS
    assert got.granted.rows() == [(2, ["email"], [GRANTED], ["A@b.it", "", ""], None)]
    assert got.blocked.rows() == [(4, ["email"], ["consent_bounced"], ["d@b.it", "", ""], None)]


def test_people_are_listed_by_line_where_the_cells_are_gone() -> None:
    """Judged later than read, people are listed by their line alone."""
    binding = resolve_mapping(
        Mapping(columns=[Column(column="email", target="email")]), ["email"], {}, list_id=7
    )
    records = validate(pl.DataFrame({LINE: [5], "email": ["a@b.it"]}), row_rules(binding)).records
    people = pl.DataFrame(
        [(7, "email", "a@b.it", "8", None)], schema=UNSUBSCRIBED_PEOPLE, orient="row"
    )
    consent = Consent(unsubscribed="block")
    got = apply_consent(records, None, prepare_unsubscribed(people), consent, binding, today=TODAY)
    assert got.blocked.rows() == [(5, ["email"], ["consent_bounced"], None, None)]


def test_an_opt_out_import_unsubscribes_everybody() -> None:
    """Import type opt-out needs no status and no knowledge of MailUp."""
    got = judged([("a@b.it", "", "")], None, status=False, import_type="opt-out")
    assert got.send["import_type"].to_list() == ["optout"]


@pytest.mark.parametrize(
    ("row", "sent"),
    [(("a@b.it", "333 1234567", "0"), ("a@b.it", None)), (("", "333 1234567", "0"), (None, "333"))],
    ids=["by address", "by number"],
)
def test_who_unsubscribes_is_named_by_one_key_alone(
    row: tuple[str, str, str], sent: tuple[str | None, str | None]
) -> None:
    """Another number than the one that MailUp has must not keep somebody subscribed."""
    got = judged([row], None).send
    number = got["number"][0]
    assert (got["email"][0], number and number[:3]) == sent


def test_an_opt_out_import_with_a_status_column_is_refused() -> None:
    """Rows that say subscribed are not unsubscribed by a setting."""
    with pytest.raises(ConfigurationError, match="status column"):
        judged([("a@b.it", "", "1")], None, import_type="opt-out")


@pytest.mark.parametrize("consent", [GRANT, {"unsubscribed": "block"}])
def test_judging_without_knowledge_stops(consent: dict[str, str]) -> None:
    """Where the agreement needs to know who left, not knowing is no permission."""
    assert Consent(**consent).asks_mailup
    with pytest.raises(RunStopped):
        judged([("a@b.it", "", "")], None, **consent)


causes = st.sampled_from([*LEFT, *BOUNCED, *COMPLAINED, *CLOSED, "pending"])
persons = st.lists(
    st.tuples(st.sampled_from([7, 8]), st.just("email"), st.sampled_from(["a@b.it", "c@b.it"]),
              causes),
    max_size=5,
)  # fmt: skip
drawn_rows = st.lists(
    st.tuples(st.sampled_from(["a@b.it", "C@B.it", "e@b.it"]), st.just(""),
              st.sampled_from(["", "1", "0"])),
    max_size=6,
)  # fmt: skip


@settings(derandomize=True, database=None)
@given(drawn_rows, persons, st.sampled_from([{}, {"unsubscribed": "block"}, GRANT]))
def test_nobody_comes_back_without_a_grant(
    rows: list[tuple[str, str, str]], people: list[Person], consent: dict[str, str]
) -> None:
    """Every record is sent or blocked; opt-ins need a grant, a known departure, and are listed."""
    got = judged(rows, people, **consent)
    sent = dict(zip(got.send[LINE], got.send["import_type"], strict=True))
    assert sorted([*sent, *got.blocked["line"]]) == list(range(2, len(rows) + 2))
    forced = [line for line, kind in sent.items() if kind == "optin"]
    assert forced == got.granted["line"].to_list()
    assert not forced or consent is GRANT
    for line in forced:
        address = rows[line - 2][0].lower()
        mine = [p[3] for p in people if p[2] == address and (p[0] == 7 or p[3] in BOUNCED)]
        assert mine and set(mine) <= {*LEFT, "pending"}
    for line, (_, _, status) in enumerate(rows, start=2):
        assert (sent.get(line) == "optout") == (status == "0")
