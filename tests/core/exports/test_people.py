"""Recipient data in rows: never of another person, and no row is lost without them."""

from pathlib import Path

import polars as pl
import pytest

from tasks.exports.people import RecipientData, international
from tasks.reports.delta.spool import RowSpool
from tasks.reports.rows import SMS_EVENTS, SMS_OUTCOME, SUBSCRIPTION, SUBSCRIPTIONS
from tests.core.exported_rows import frame

PROFILE = {
    "recipient_id": pl.Int64(), "email": pl.String(), "prefix": pl.String(), "number": pl.String(),
    "field_1": pl.String(),
}  # fmt: skip


def person(recipient_id: int, prefix: str | None, number: str | None) -> dict[str, object]:
    """A recipient called after the id."""
    names = {"email": f"{recipient_id}@example.com", "field_1": f"Nr {recipient_id}"}
    return {"recipient_id": recipient_id, "prefix": prefix, "number": number, **names}


def people(folder: Path, *pages: list[dict[str, object]], list_id: int = 1) -> RecipientData:
    """Recipients of a list, as they come page by page."""
    known = RecipientData(folder)
    known.add(list_id, (frame(PROFILE, *page) for page in pages))
    return known


def sms(*numbers: str | None, list_id: int = 1) -> pl.DataFrame:
    """One outcome for each of the numbers."""
    rows = [{"list_id": list_id, "message_id": 7, "number": number} for number in numbers]
    return frame(SMS_OUTCOME, *rows)


@pytest.mark.parametrize(
    ("prefix", "number"),
    [
        ("0039", "3331234567"), ("+39", "3331234567"), ("39", "333 123-4567"),
        (None, "+393331234567"), ("", "00393331234567"), ("+39 ", "(333) 1234567"),
    ],
)  # fmt: skip
def test_a_receiver_is_found_however_the_number_is_written(
    tmp_path: Path, prefix: str | None, number: str
) -> None:
    """Prefix and number of a recipient make the digits that MailUp calls the receiver."""
    known = people(tmp_path, [person(1, "0039", "3330000000"), person(2, prefix, number)])
    rows, unknown = known.joined(sms("393331234567"), SMS_EVENTS)
    assert rows.select("email", "field_1").rows() == [("2@example.com", "Nr 2")]
    assert unknown == 0


def test_every_row_stays_and_the_unknown_are_counted(tmp_path: Path) -> None:
    """Rows keep their order; receivers that nobody has get empty cells and are counted once."""
    known = people(tmp_path, [person(1, "39", "111"), person(2, None, None)], [person(3, "", "")])
    given = sms("39222", "39111", "39222", None, "", "39111")
    rows, unknown = known.joined(given, SMS_EVENTS)
    assert rows["number"].to_list() == given["number"].to_list()
    assert [email and email[0] for email in rows["email"]] == [None, "1", None, None, None, "1"]
    assert unknown == 1
    assert set(rows.columns) == {*SMS_OUTCOME, "field_1"}


def test_of_two_people_with_one_number_the_last_counts(tmp_path: Path) -> None:
    """A number that was given on belongs to who has it now; no row is doubled."""
    known = people(tmp_path, [person(9, "39", "111")], [person(2, "+39", "111")])
    rows, _ = known.joined(sms("39111"), SMS_EVENTS)
    assert rows["email"].to_list() == ["2@example.com"]


def test_lists_are_kept_apart(tmp_path: Path) -> None:
    """People of one list are not shown in rows of another, where nobody was asked for."""
    known = people(tmp_path, [person(1, "39", "111")], list_id=2)
    rows, unknown = known.joined(sms("39111"), SMS_EVENTS)
    assert rows["email"].to_list() == [None]
    assert unknown == 0
    known.add(1, iter(()))
    assert known.joined(sms("39111"), SMS_EVENTS)[1] == 1


def test_subscriptions_get_phone_and_fields(tmp_path: Path) -> None:
    """Phone numbers of people are shown as MailUp writes them, and their address is the row's."""
    known = people(tmp_path, [person(1, "0039", "333 1"), person(2, None, None)])
    given = [{"list_id": 1, "recipient_id": who, "email": "own@example.com"} for who in (2, 1, 3)]
    rows, _ = known.joined(frame(SUBSCRIPTION, *given), SUBSCRIPTIONS)
    assert rows["phone"].to_list() == [None, "0039333 1", None]
    assert rows["field_1"].to_list() == ["Nr 2", "Nr 1", None]
    assert set(rows["email"]) == {"own@example.com"}


def test_no_more_people_are_in_memory_than_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large list only those who are asked for are put together."""
    monkeypatch.setitem(RowSpool.__init__.__kwdefaults__, "rows_at_once", 10)
    many = [[person(at, "39", f"{at:06}")] for at in range(200)]
    known = people(tmp_path, *many)
    largest = 0
    concat = pl.concat

    def watched(frames, *args, **options):
        nonlocal largest
        found = concat(frames, *args, **options)
        largest = max(largest, found.height)
        return found

    monkeypatch.setattr(pl, "concat", watched)
    rows, unknown = known.joined(sms("39000001", "39000199", "39000777"), SMS_EVENTS)
    assert (rows["email"].null_count(), unknown) == (1, 1)
    assert largest <= 10


def test_nothing_is_made_of_nothing() -> None:
    """Texts without a digit other than 0 are no number."""
    texts = pl.DataFrame({"number": ["", "+", "000", None, "0039 1"]})
    assert texts.select(international(pl.col("number")))["number"].to_list() == [
        None, None, None, None, "391",
    ]  # fmt: skip
