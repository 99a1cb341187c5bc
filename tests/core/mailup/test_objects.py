"""Objects of MailUp's answers: read in any spelling, or an error that names call and field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import MailUpUnavailable
from blocks.mailup.pages.objects import Fields
from blocks.mailup.resources.messages import Message, Sending
from blocks.mailup.resources.models import (
    AccountInfo,
    DynamicField,
    Group,
    ImportDetail,
    ImportStatus,
    MailUpList,
    Optin,
    Recipient,
)

CALL = "GET /Console/X"
OPTIN = {
    "IdRecipient": 5, "Email": "a@b.it", "Status": "OPTIN", "Optin_Date": "2020-01-27 10:38:00.000",
    "Optout_Date": "", "Optout_Type": 2, "MobileNumber": None,
}  # fmt: skip
STATUS = {"idImport": 5, "Completed": True, "CreatedRecipients": 3}
NEEDED: list[tuple[Any, dict[str, Any], str]] = [
    (MailUpList, {"IdList": 5, "Name": "x"}, "IdList"),
    (Group, {"idGroup": 5, "idList": 2}, "idGroup"),
    (Group, {"idGroup": 5, "idList": 2}, "idList"),
    (DynamicField, {"Id": 5}, "Id"),
    (ImportStatus, STATUS, "idImport"),
    (ImportStatus, STATUS, "Completed"),
    (ImportDetail, {"IdImport": 5}, "IdImport"),
    (Optin, OPTIN, "idRecipient"),
    (Optin, OPTIN, "Status"),
    (Recipient, {"idRecipient": 5}, "idRecipient"),
]


@pytest.mark.parametrize(("kind", "item", "name"), NEEDED)
def test_a_field_that_has_to_be_there_is_named(kind: Any, item: dict[str, Any], name: str) -> None:
    """What is missing ends in an error with the call and the field, and without any value."""
    assert kind.read(item, CALL)
    left = {key: value for key, value in item.items() if key.lower() != name.lower()}
    with pytest.raises(MailUpUnavailable, match=f"{CALL}, field {name}: ") as caught:
        kind.read(left | {"Secret": "Anna"}, CALL)
    assert "Anna" not in str(caught.value)


@pytest.mark.parametrize("wrong", [-3, "--5", "Anna", [], {}, 0, 5.5, True, "5" * 5000])
@pytest.mark.parametrize(
    ("kind", "item", "name"), [each for each in NEEDED if each[2] not in {"Completed", "Status"}]
)
def test_an_id_that_is_none_is_named(
    kind: Any, item: dict[str, Any], name: str, wrong: Any
) -> None:
    """A negative id, a text, a list: an error of ours, which quotes nothing."""
    spelled = next(key for key in item if key.lower() == name.lower())
    with pytest.raises(MailUpUnavailable, match=f"{CALL}, field {name}: ") as caught:
        kind.read(item | {spelled: wrong}, CALL)
    assert "Anna" not in str(caught.value)


@pytest.mark.parametrize("kind", [MailUpList, Group, DynamicField, ImportStatus, ImportDetail,
                                  Optin, Recipient, AccountInfo, Sending])  # fmt: skip
@pytest.mark.parametrize("value", [None, 5, "Anna", [], [{}], True])
def test_what_is_no_object_is_named(kind: Any, value: Any) -> None:
    """Anything but an object is an unusable answer to the call."""
    with pytest.raises(MailUpUnavailable, match=f"{CALL}: MailUp's answer is not an object"):
        kind.read(value, CALL)


def respelled(item: dict[str, Any], spell: Any) -> dict[str, Any]:
    """The same with other names, and numbers as text."""
    return {
        spell(key): str(value) if type(value) in (int, bool) else value
        for key, value in item.items()
    }


@pytest.mark.parametrize("spell", [str.lower, str.upper, lambda key: key.replace("_", "")])
@pytest.mark.parametrize(("kind", "item"), [(each[0], each[1]) for each in NEEDED])
def test_spelling_makes_no_difference(kind: Any, item: dict[str, Any], spell: Any) -> None:
    """Names in any letter case, numbers and flags as text: the same object."""
    assert kind.read(respelled(item, spell), CALL) == kind.read(item, CALL)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2020-01-27 10:38:00.000", "2020-01-27 10:38:00.000"),
        ("2020-01-27T10:38:00", "2020-01-27 10:38:00"),
        ("2014-04-01 13:53:06Z", "2014-04-01 13:53:06Z"),
        ("2014-04-01T15:53:06+02:00", "2014-04-01 13:53:06Z"),
        ("/Date(1396360386000+0200)/", "2014-04-01 13:53:06Z"),
        ("2020-01-27", "2020-01-27 00:00:00"), ("/Date(-62135596800000)/", ""),
        ("0001-01-01 00:00:00Z", ""), ("0001-01-01 00:00:00.000", ""),
        ("", ""), (None, ""), ("soon", ""), (5, ""), ({}, ""), ("/Date(99999999999999999999)/", ""),
    ],
)  # fmt: skip
def test_dates_are_read_in_any_form(written: Any, read: str) -> None:
    """With zone and without, as .NET's ticks, in its "u" format; "never" is no date."""
    assert Optin.read(OPTIN | {"Optout_Date": written}, CALL).optout_date == read
    assert Sending.read({"StartDate": written}, CALL).started == read


@given(st.dictionaries(st.sampled_from([*OPTIN, *STATUS, "Rows", "IdGroups", "EndDate"]), st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers()),
)))  # fmt: skip
def test_whatever_comes_is_read_or_an_error_of_ours(item: dict[str, Any]) -> None:
    """No answer ends in an unexpected error."""
    for kind in (Optin, ImportStatus, ImportDetail, Recipient, Sending, AccountInfo):
        try:
            kind.read(item, CALL)
        except MailUpUnavailable as failure:
            assert CALL in str(failure)
    try:
        Message.read(item, 1, CALL)
    except MailUpUnavailable as failure:
        assert CALL in str(failure)


@pytest.mark.parametrize(("rows", "total"), [(7, 7), ("7", 7), ({"Total": 7}, 7), (None, 0)])
def test_an_import_is_read_from_a_summary_and_in_full(rows: Any, total: int) -> None:
    """The list of imports has a number of rows, a single import has them by outcome."""
    assert ImportDetail.read({"IdImport": 5, "Rows": rows}, CALL).rows_total == total


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), ("true", True), (1, True), ("FALSE", False), (0, False), (None, None)],
)
def test_flags_are_read_in_any_form(value: Any, flag: bool | None) -> None:
    """Yes and no as JSON's, as text and as a number."""
    assert Fields({"Completed": value}, CALL).flag("completed") is flag
