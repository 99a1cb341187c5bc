"""Nobody is subscribed without a ground that the agreement names, and blank is never yes."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.errors import ConfigurationError, FileHeld
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.grounds import check_grounds, missing_grounds
from tasks.records.mapping.basis import ConsentBasis, ConsentGround
from tasks.records.mapping.cells import UNREADABLE
from tasks.records.read_file import read_file
from tasks.records.results.parts import read_parts
from tasks.records.results.reasons import LEFT_OUT
from tasks.records.stages import AccountFacts, Prepared
from tasks.records.validation.history import FileFigures, HistoryLimits, deviations
from tasks.records.validation.limits import exceeded_limits

pytestmark = pytest.mark.core

TODAY = date(2026, 5, 15)
CASES = Path(__file__).resolve().parents[2] / "cases/consent"
STATED = {"ground": "all", "stated_on": "2026-01-31", "stated_by": "Anna Rossi"}
YES_NO = {"ground": "column", "column": "ok", "values": {"yes": "subscribed", "no": "unsubscribed"}}
LEAVING = {"ground": "column", "column": "ok", "values": {"yes": "subscribed", "no": "leave_out"}}
EMAIL = {"column": "email", "target": "email"}
MOBILE = {"column": "cell", "target": "mobile"}


def agreed(basis: dict[str, Any] | None, *others: dict[str, str], **more: Any) -> ImportAgreement:
    key = more.pop("key", "email")
    columns = [EMAIL, *others] if key != "mobile" else [*others]
    consent = more.pop("consent", {}) | ({} if basis is None else {"basis": basis})
    known = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
        "dialect": {"separator": ";"}, "mapping": {"key": key, "columns": columns},
        "consent": consent,
    }  # fmt: skip
    return ImportAgreement.model_validate(known | more)


def read(
    folder: Path, text: str, agreement: ImportAgreement, facts: AccountFacts | None = None
) -> tuple[Prepared, dict[str, str]]:
    """A file that was read, and of whoever is sent the import type, by address or number."""
    folder.mkdir(exist_ok=True)
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8", newline="")
    facts = facts or AccountFacts(fields={1: "nome", 2: "numero"})
    prepared = read_file(path, agreement, facts, folder, batch_size=100, today=TODAY)
    sent = [batch.records() for batch in prepared.batches]
    named = [each.select(pl.coalesce("email", "number"), "import_type").rows() for each in sent]
    return prepared, dict(row for rows in named for row in rows)


def lines(prepared: Prepared, reason: str) -> list[int]:
    parts = [part.filter(reason=reason)["line"].to_list() for part in read_parts(prepared.skipped)]
    return sorted(line for part in parts for line in part)


def numbers(prepared: Prepared) -> list[str]:
    found = (number for batch in prepared.batches for number in batch.records()["number"])
    return sorted(number for number in found if number)


@pytest.mark.parametrize(
    ("ground", "sentence"),
    [
        ({"ground": "column"}, "needs column"),
        ({"ground": "column", "column": "ok"}, "give each value"),
        (YES_NO | {"values": {"no": "unsubscribed"}}, "none means subscribed"),
        (YES_NO | {"values": {"yes": "subscribed", " YES": "leave_out"}}, "give each value"),
        (YES_NO | {"values": {"": "subscribed"}}, "give each value"),
        (YES_NO | {"values": {"\u200b": "subscribed"}}, "give each value"),
        (YES_NO | {"values": {"yes": "maybe"}}, "leave_out"),
        (YES_NO | {"blank": "all"}, "is for ground 'all' only"),
        (YES_NO | {"blank": "subscribed"}, "leave_out"),
        (YES_NO | {"stated_by": "Anna"}, "leave them out for a column"),
        ({"ground": "all"}, "needs stated_on"),
        (STATED | {"stated_on": "31/01/2026"}, "needs stated_on"),
        (STATED | {"stated_by": " "}, "needs stated_by"),
        (STATED | {"values": {"1": "leave_out"}}, "are about a column"),
        (STATED | {"blank": "all"}, "are about a column"),
        (STATED | YES_NO | {"ground": "all", "values": {"1": "subscribed"}, "blank": "all"},
         "all mean subscribed"),
        (YES_NO | {"ground": "unknown"}, "has no other settings"),
        (STATED | {"ground": "none"}, "has no other settings"),
    ],
)  # fmt: skip
def test_a_ground_is_whole_or_refused(ground: dict[str, Any], sentence: str) -> None:
    """Half a ground, or one that takes a blank for yes, is refused with a sentence."""
    with pytest.raises(ValidationError) as caught:
        ConsentGround.model_validate(ground)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("basis", "others", "more", "sentence"),
    [
        ({"email": YES_NO}, [{"column": "x", "target": "status"}], {}, "take the column"),
        ({"email": YES_NO}, [], {"consent": {"import_type": "opt-out"}}, "name no column"),
        ({"email": STATED, "sms": {"ground": "none"}}, [MOBILE], {}, "dynamic field"),
        ({"email": STATED, "sms": YES_NO}, [MOBILE], {}, "take leave_out"),
        ({"email": YES_NO | {"blank": "unsubscribed"}}, [], {}, "max_opt_out_percent below 100"),
        (
            {"email": STATED | {"column": "ok", "values": {"NULL": "leave_out"}, "blank": "all"}},
            [],
            {"mapping": {"columns": [EMAIL], "blank_texts": ["n u ll"]}},
            "means an empty cell",
        ),
    ],
)
def test_grounds_fit_the_rest_of_the_agreement(
    basis: dict[str, Any], others: list[dict[str, str]], more: dict[str, Any], sentence: str
) -> None:
    """What could not be done as it is written, or would empty a list, is refused."""
    with pytest.raises(ValidationError) as caught:
        agreed(basis, *others, **more)
    assert sentence in str(caught.value)


def test_a_blank_unsubscribes_within_a_limit(tmp_path: Path) -> None:
    """Blank may mean unsubscribed where an empty column would hold the file."""
    limited = {"thresholds": {"max_opt_out_percent": 30}}
    agreement = agreed({"email": YES_NO | {"blank": "unsubscribed"}}, **limited)
    prepared, sent = read(tmp_path, "email;ok\r\na@x.it;yes\r\nb@x.it; \r\n", agreement)
    assert sent == {"a@x.it": "default", "b@x.it": "optout"} and prepared.opt_outs == 1


@pytest.mark.parametrize(
    ("basis", "others", "wanting"),
    [
        (None, [], ["email"]),
        (None, [MOBILE], ["email", "sms"]),
        ({"email": STATED}, [MOBILE], ["sms"]),
        ({"email": STATED}, [], []),
        ({"email": STATED, "sms": LEAVING}, [MOBILE], []),
    ],
)
def test_an_agreement_without_grounds_is_read_and_not_sent(
    basis: dict[str, Any] | None, others: list[dict[str, str]], wanting: list[str]
) -> None:
    """Agreements of before are read; sending refuses them, channel by channel, with what to do."""
    agreement = agreed(basis, *others)
    found = list(missing_grounds(agreement.consent, agreement.mapping))
    assert [each.channel for each in found] == wanting
    if not wanting:
        return check_grounds(agreement.consent, agreement.mapping, TODAY)
    with pytest.raises(ConfigurationError, match=r"Nothing was sent.*Ask the client.*deploy again"):
        check_grounds(agreement.consent, agreement.mapping, TODAY)
    return None


def test_opt_outs_need_no_ground() -> None:
    """A file that unsubscribes everybody is imported without anybody having agreed."""
    agreement = agreed(None, consent={"import_type": "opt-out"})
    check_grounds(agreement.consent, agreement.mapping, TODAY)


def test_what_to_do_names_the_status_column_of_before() -> None:
    """A mapped status: the message says how it is written now."""
    agreement = agreed(None, {"column": "Stato", "target": "status"})
    (missing,) = missing_grounds(agreement.consent, agreement.mapping)
    assert "column: 'Stato', values: {'1': 'subscribed', '0': 'unsubscribed'}" in missing.remedy
    assert "out of mapping" in missing.remedy


def test_a_statement_of_the_future_is_refused() -> None:
    """A day that is still to come is a mistake, and nothing is sent on it."""
    agreement = agreed({"email": STATED | {"stated_on": "2026-05-16"}})
    with pytest.raises(ConfigurationError, match="lies after today"):
        check_grounds(agreement.consent, agreement.mapping, TODAY)


@pytest.mark.parametrize(
    ("cell", "fate"),
    [
        ("yes", "default"), (" YES\u200b", "default"), ("'yes", "default"),
        ("'", LEFT_OUT), ("'n", "status_unknown"), ("no", LEFT_OUT), ("", LEFT_OUT),
        (" \u00a0", LEFT_OUT), ("n", "status_unknown"), ("yes!", "status_unknown"),
        ("on request", "status_unknown"),
    ],
)  # fmt: skip
def test_only_an_agreed_yes_is_a_yes(tmp_path: Path, cell: str, fate: str) -> None:
    """A blank leaves the person out, and any value without a meaning rejects the row."""
    text = f"email;ok\r\na@x.it;{cell}\r\nzzz@x.it;yes\r\n"
    prepared, sent = read(tmp_path, text, agreed({"email": LEAVING}))
    got = sent.get("a@x.it") or next(code for code in prepared.reasons)
    assert got == fate and sent["zzz@x.it"] == "default"


def test_accents_are_one_whatever_they_are_made_of(tmp_path: Path) -> None:
    """macOS writes an accent as a character of its own; the value is the same."""
    ground = YES_NO | {"values": {"sì": "subscribed", "no": "unsubscribed"}}
    text = "email;ok\r\na@x.it;Si\u0300\r\nb@x.it;SÌ\r\nc@x.it;No\r\n"
    _, sent = read(tmp_path, text, agreed({"email": ground}))
    assert sent == {"a@x.it": "default", "b@x.it": "default", "c@x.it": "optout"}


@pytest.mark.parametrize(
    ("ground", "sent_"),
    [
        (STATED, {"a", "b", "c"}),
        (STATED | {"column": "ok", "values": {"1": "leave_out"}}, set()),
        (STATED | {"column": "ok", "values": {"1": "leave_out", "0": "subscribed"}}, {"b"}),
        (STATED | {"column": "ok", "values": {"1": "leave_out", "0": "subscribed"},
                   "blank": "all"}, {"b", "c"}),
    ],
)  # fmt: skip
def test_a_column_takes_people_out_of_what_was_stated_of_all(
    tmp_path: Path, ground: dict[str, Any], sent_: set[str]
) -> None:
    """An opt-out column is written as it is; a blank lets the statement stand only by agreement."""
    text = "email;ok\r\na@x.it;1\r\nb@x.it;0\r\nc@x.it;\r\n"
    _, sent = read(tmp_path, text, agreed({"email": ground}))
    assert {address[0] for address in sent} == sent_


def test_who_is_left_out_is_listed_and_counted_as_blocked(tmp_path: Path) -> None:
    """Left out is neither sent nor rejected; the line is listed with a reason of its own."""
    text = "email;ok\r\na@x.it;yes\r\nb@x.it;no\r\nc@x.it;\r\n"
    prepared, _ = read(tmp_path, text, agreed({"email": LEAVING}))
    assert lines(prepared, LEFT_OUT) == [3, 4]
    assert (prepared.counts.blocked, prepared.counts.rejected, prepared.left_out) == (2, 0, 2)
    assert prepared.ledger_figures["left_out"] == 2


def test_limits_and_history_are_about_the_others() -> None:
    """Of 1,000 rows 900 are left out: of the rest, 30 that are rejected are a third."""
    prepared = Prepared()
    counts = prepared.counts.__class__(records=1000, blocked=900, rejected=30, submitted=70)
    limits = agreed({"email": STATED}).thresholds
    assert not [*exceeded_limits(limits, counts, opt_outs=0, before=0, full=True)]
    (found,) = exceeded_limits(limits, counts, opt_outs=0, before=0, full=True, left_out=900)
    assert found.reason == "too_many_rejects"
    calm = [FileFigures(900, 1000, 10, left_out=0, header=1, columns=2)] * 5
    now = FileFigures(900, 1000, 30, left_out=900, header=1, columns=2)
    assert [each.reason for each in deviations(HistoryLimits(), now, calm)] == ["unusual_rejects"]
    now = FileFigures(900, 1000, 0, left_out=1000, header=1, columns=2)
    assert not [*deviations(HistoryLimits(), now, calm)]


@pytest.mark.parametrize(
    ("ground", "kept"), [(STATED, ["3331000001"]), (LEAVING, ["3331000001"]),
                         (LEAVING | {"values": {"yes": "leave_out", "no": "subscribed"}}, [])],
)  # fmt: skip
def test_a_number_goes_along_only_on_a_ground_of_its_own(
    tmp_path: Path, ground: dict[str, Any], kept: list[str]
) -> None:
    """Who agreed to e-mail is sent without the number, unless SMS has a ground for this row."""
    text = "email;cell;ok\r\na@x.it;3331000001;yes\r\n"
    prepared, sent = read(tmp_path, text, agreed({"email": STATED, "sms": ground}, MOBILE))
    assert sent == {"a@x.it": "default"} and numbers(prepared) == kept


def test_a_number_without_ground_may_be_a_field(tmp_path: Path) -> None:
    """What may not be written to can be stored all the same."""
    field = {"column": "cell", "target": "field", "field": "numero"}
    text = "email;cell\r\na@x.it;3331000001\r\n"
    prepared, _ = read(tmp_path, text, agreed({"email": STATED}, field))
    (batch,) = prepared.batches
    assert batch.records().select("number", "field_2").row(0) == (None, "3331000001")


def test_an_address_beside_a_number_needs_its_ground_too(tmp_path: Path) -> None:
    """Known by the number, a row carries the address only on the ground of e-mail."""
    agreement = agreed({"email": LEAVING, "sms": STATED}, EMAIL, MOBILE, key="mobile")
    text = "email;cell;ok\r\na@x.it;3331000001;yes\r\nb@x.it;3331000002;no\r\n"
    prepared, _ = read(tmp_path, text, agreement)
    assert prepared.batches[0].records()["email"].to_list() == ["a@x.it", None]


def test_with_either_key_a_row_goes_by_the_ground_of_its_own(tmp_path: Path) -> None:
    """Rows with an address go by e-mail's ground, the others by that of SMS."""
    sms = YES_NO | {"column": "sms"}
    agreement = agreed({"email": LEAVING, "sms": sms}, MOBILE, key="both")
    text = (
        "email;cell;ok;sms\r\na@x.it;3331000001;yes;no\r\nb@x.it;3331000002;no;yes\r\n"
        ";3331000003;no;yes\r\n;3331000004;yes;no\r\n"
    )
    prepared, sent = read(tmp_path, text, agreement)
    assert sent == {"a@x.it": "default", "3331000003": "default", "3331000004": "optout"}
    assert numbers(prepared) == ["3331000003", "3331000004"] and lines(prepared, LEFT_OUT) == [3]


@pytest.mark.parametrize(
    ("rows", "sent_"),
    [
        (["a@x.it;;yes;yes", "a@x.it;;;yes"], {}),
        (["a@x.it;;;yes", "a@x.it;;yes;yes"], {}),
        (["a@x.it;;yes;yes", "a@x.it;;huh;yes"], {}),
        (["a@x.it;;huh;yes", "a@x.it;;yes;yes"], {}),
        (["a@x.it;;yes;yes", "a@x.it;;yes;huh"], {}),
        (["a@x.it;3331000001;yes;no", "a@x.it;3331000001;yes;yes"], {"a@x.it": None}),
        (["a@x.it;3331000001;yes;yes", "a@x.it;;yes;no"], {"a@x.it": None}),
        (["a@x.it;;yes;no", "a@x.it;3331000001;yes;yes"], {"a@x.it": "3331000001"}),
    ],
)
def test_of_several_rows_one_that_says_no_counts(
    tmp_path: Path, rows: list[str], sent_: dict[str, str | None]
) -> None:
    """A row that leaves out, or cannot be read, wins over a yes of the same person."""
    agreement = agreed({"email": LEAVING, "sms": LEAVING | {"column": "sms"}}, MOBILE)
    text = "email;cell;ok;sms\r\nz@x.it;;yes;yes\r\n" + "".join(f"{row}\r\n" for row in rows)
    prepared, _ = read(tmp_path, text, agreement)
    found = [batch.records().select("email", "number").rows() for batch in prepared.batches]
    assert dict(row for rows in found for row in rows if row[0] != "z@x.it") == sent_


def test_a_file_without_the_agreed_column_is_held(tmp_path: Path) -> None:
    """A column of consent that is gone holds the file: nobody is sent without it."""
    with pytest.raises(FileHeld, match="no column 'ok'"):
        read(tmp_path, "email;altro\r\na@x.it;yes\r\n", agreed({"email": YES_NO}))


def test_what_is_written_down_says_the_ground() -> None:
    """Ledger, result and audit name the ground of each channel that is used, and no other."""
    assert agreed({"email": LEAVING, "sms": STATED}).stated_basis == {
        "import_type": "default", "email": LEAVING,
    }  # fmt: skip
    assert agreed({"email": STATED, "sms": LEAVING}, MOBILE).stated_basis["sms"] == LEAVING
    assert agreed(None).stated_basis == {"import_type": "default", "email": {"ground": "unknown"}}


def test_every_setting_of_a_ground_is_described_for_the_form() -> None:
    """Each field of the form has a sentence that ends with a period."""
    for model in (ConsentGround, ConsentBasis):
        for name, field in model.model_fields.items():
            assert (field.description or "").endswith("."), name


CELLS = st.sampled_from(["yes", "YES ", "no", "", " ", "si", "1", "\u200b", "Yes\u00a0", "null"])
MEANINGS = st.sampled_from(["subscribed", "unsubscribed", "leave_out"])


def test_marks_of_spreadsheets_do_not_change_what_a_value_means() -> None:
    """A value behind a text marker or in a formula means what was agreed, and nothing else."""
    ground = ConsentGround(ground="column", column="x", values={"s\u00ec": "subscribed"})
    read = ground.read(["'S\u00ec", '="si\u0300"', "'no"])
    assert list(read.values()) == ["subscribed", "subscribed", UNREADABLE]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), CELLS, CELLS, st.booleans()), max_size=8),
    values=st.dictionaries(st.sampled_from(["yes", "no", "1", "si"]), MEANINGS, min_size=1),
    blank=st.sampled_from(["leave_out", "unsubscribed"]),
    last=st.booleans(),
)
def test_nobody_is_sent_of_whom_no_row_says_an_agreed_yes(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str, bool]],
    values: dict[str, str],
    blank: str,
    last: bool,
) -> None:
    """Whatever rows and meanings: sent are those whose counting row has an agreed yes, and numbers
    those whose row has one for SMS, too; all other rows are accounted for."""
    values = {"yes": "subscribed"} | values
    if "subscribed" not in values.values():
        values["sure"] = "subscribed"
    sms = {v: "leave_out" if m == "unsubscribed" else m for v, m in values.items()}
    email = {"ground": "column", "column": "ok", "values": values, "blank": blank}
    second = {"ground": "column", "column": "sms", "values": sms | {"sure": "subscribed"}}
    agreement = agreed(
        {"email": email, "sms": second}, thresholds={"max_opt_out_percent": 50},
        mapping={"columns": [EMAIL, MOBILE], "last_row_decides_status": last},
    )  # fmt: skip
    number = {who: f"333100000{place}" for place, who in enumerate("abc")}
    cells = [f"{who}@x.it;{number[who] * has};{ok};{two}" for who, ok, two, has in rows]
    text = "\r\n".join(["email;cell;ok;sms", *cells, ""])
    prepared, sent = read(tmp_path_factory.mktemp("any"), text, agreement)
    said = {who: [] for who in "abc"}
    for who, ok, two, _ in rows:
        known = values.get(ok.strip("\u200b\u00a0 ").lower())
        said[who].append((known, sms.get(two.strip("\u200b\u00a0 ").lower())))
    for address, kind in sent.items():
        if kind == "default":
            meant = said[address[0]]
            assert any(known == "subscribed" for known, _ in meant)
            assert last or all(known == "subscribed" for known, _ in meant)
    for sent_number in numbers(prepared):
        meant = said["abc"[int(sent_number[-1])]]
        assert any(known == two == "subscribed" for known, two in meant)
    prepared.counts.conserved()
