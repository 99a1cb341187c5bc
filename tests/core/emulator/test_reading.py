"""What the emulator answers to GETs: pages, filters, key spellings, subscription details."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.mailup.caller import Caller
from sandbox.mailup.server import start

SUBSCRIBED = "/Console/List/1/Recipients/Subscribed"
OPTINS = "/Console/List/1/Recipients/EmailOptins"


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    home: Path = tmp_path_factory.mktemp("mailup")
    with start(home, import_seconds=0, calls_per_second=0) as emulator:
        yield Caller(emulator)


def test_pages_start_at_0_with_20_items(mailup: Caller) -> None:
    """The first page is number 0 with 20 items and MailUp's envelope."""
    page = mailup.get(SUBSCRIBED)
    assert {key: page[key] for key in page if key != "Items"} == {
        "IsPaginated": True,
        "PageNumber": 0,
        "PageSize": 20,
        "Skipped": 0,
        "TotalElementsCount": 130,
    }
    assert [item["idRecipient"] for item in page["Items"]] == list(range(1, 21))


@pytest.mark.parametrize("spelling", ["pageNumber=6&pageSize=20", "PAGENUMBER=6&pagesize=20"])
def test_parameter_names_mind_no_letter_case(mailup: Caller, spelling: str) -> None:
    """PageNumber and PageSize work in any letter case; Skipped is number times size."""
    page = mailup.get(f"{SUBSCRIBED}?{spelling}")
    assert (page["Skipped"], len(page["Items"])) == (120, 10)


def test_a_page_past_the_end_is_empty(mailup: Caller) -> None:
    """Past the end there are no items and no error."""
    page = mailup.get(f"{SUBSCRIBED}?PageNumber=99")
    assert (page["Items"], page["TotalElementsCount"]) == ([], 130)


def test_a_collection_of_one_page_is_not_paginated(mailup: Caller) -> None:
    """IsPaginated is false where everything fits one page."""
    assert mailup.get(f"{SUBSCRIBED}?PageSize=200")["IsPaginated"] is False


def test_page_size_can_be_capped(mailup: Caller) -> None:
    """With a cap a larger PageSize is lowered, and the envelope says so."""
    mailup.control("settings", {"page_size_cap": 7})
    page = mailup.get(f"{SUBSCRIBED}?PageSize=50")
    mailup.control("settings", {"page_size_cap": None})
    assert (page["PageSize"], len(page["Items"])) == (7, 7)


def test_dynamic_fields_come_20_at_a_time_highest_first(mailup: Caller) -> None:
    """Without paging only fields 28 to 9 are seen; the second page has the rest."""
    assert [one["Id"] for one in mailup.items("/Console/Recipient/DynamicFields")] == list(
        range(28, 8, -1)
    )
    rest = mailup.items("/Console/Recipient/DynamicFields?PageNumber=1&orderby=Id+desc")
    assert rest[-1] == {"Description": "nome", "Id": 1}


def test_lists_have_two_spellings(mailup: Caller) -> None:
    """/List spells IdList and ListGuid, /User/Lists idList and listGuid."""
    new, old = mailup.items("/Console/List")[0], mailup.items("/Console/User/Lists")[0]
    assert set(new) == {"Company", "Description", "IdList", "ListGuid", "Name"}
    assert set(old) == {"Company", "Description", "Name", "idList", "listGuid"}


def test_groups_show_the_system_group_and_no_count(mailup: Caller) -> None:
    """Groups carry a null Count; the TEST group cannot be deleted."""
    group = mailup.items("/Console/List/1/Groups")[0]
    assert group == {
        "Count": None,
        "Deletable": False,
        "Name": "TEST",
        "Notes": "Gruppo di sistema",
        "idGroup": 1,
        "idList": 1,
    }
    assert mailup.call("DELETE", "/Console/List/1/Group/1").status_code == 400


def test_slashes_are_escaped(mailup: Caller) -> None:
    """A slash in JSON comes as backslash slash, as .NET writes it."""
    assert "http:\\/\\/" in mailup.call("GET", "/Console/Authentication/Info").text


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("Email=='subscribed.007@example.it'", 1),
        ("\"Email=='SUBSCRIBED.007@example.it'\"", 1),
        ("Email.Contains('.00')", 9),
        ("Email.Contains('.IT')", 0),
        ("idRecipient == 12", 1),
        ("idRecipient <= 12 and Email.Contains('.00')", 9),
        ("idRecipient == 3 || idRecipient == 4", 2),
        ("(idRecipient == 3 or idRecipient == 4) && Email.StartsWith('subscribed.003')", 1),
        ("Fields['nome']=='nobody'", 0),
        ("Email=='o''brien@example.it'", 0),
    ],
)
def test_filters(mailup: Caller, expression: str, found: int) -> None:
    """filterby works with and without outer quotes; Contains minds letter case."""
    page = mailup.get(f"{SUBSCRIBED}?filterby={quote(expression)}")
    assert page["TotalElementsCount"] == found


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("filterby=Nonsense==1", "Nonsense"),
        ("orderby=Nonsense+asc", "Nonsense"),
        ("filterby=Optout_Date>='2024-01-01'", "'String' and 'String'"),
        ("filterby=Email==", "at the end"),
        ("filterby=Email~'x'", "position 5"),
        ("filterby=(idRecipient==1", "at the end"),
        ("PageNumber=-1", "PageNumber"),
    ],
)
def test_what_is_not_understood_is_named(mailup: Caller, query: str, named: str) -> None:
    """An unknown property, a date comparison or a syntax error gets 400 saying what it was."""
    answer = mailup.call("GET", f"{OPTINS}?{query}")
    assert answer.status_code == 400
    assert named in answer.json()["ErrorDescription"]


def test_order_by_several_keys(mailup: Caller) -> None:
    """Keys joined with ; sort one after the other."""
    order = quote('"Status desc;Email asc"')
    rows = mailup.items(f"{OPTINS}?PageSize=600&orderby={order}")
    keys = [(row["Status"], row["Email"]) for row in rows]
    assert [key[0] for key in keys] == sorted((key[0] for key in keys), reverse=True)
    assert [key[1] for key in keys if key[0] == "OPTOUT"] == sorted(
        key[1] for key in keys if key[0] == "OPTOUT"
    )


def test_subscribed_rows_have_data_and_no_dates(mailup: Caller) -> None:
    """Rows by status carry all 28 fields, empties as "", null for no number, and no date."""
    row = mailup.items(SUBSCRIBED)[0]
    assert set(row) == {"Email", "Fields", "MobileNumber", "MobilePrefix", "Name", "idRecipient"}
    assert (len(row["Fields"]), row["MobileNumber"]) == (28, None)
    assert row["Fields"][2] == {"Description": "azienda", "Id": 3, "Value": ""}


def test_email_optins_cover_all_states_with_causes(mailup: Caller) -> None:
    """EmailOptins has everybody, dates with milliseconds or "", and the cause as numbers."""
    rows = mailup.items(f"{OPTINS}?PageSize=600")
    by_state: dict[str, int] = {}
    for row in rows:
        by_state[row["Status"]] = by_state.get(row["Status"], 0) + 1
    assert by_state == {"OPTIN": 130, "OPTOUT": 50, "PENDING": 20}
    bounced = next(row for row in rows if row["Optout_Type"] == 8)
    subscribed = rows[0]
    assert bounced["Optout_Date"] == "2024-02-20 18:05:12.000"
    assert (bounced["Optout_Subtype"], bounced["Optout_MsgID"]) == (0, None)
    assert (subscribed["Optout_Date"], subscribed["Optout_Type"]) == ("", None)


def test_optins_can_be_narrowed_to_a_group(mailup: Caller) -> None:
    """?Groups= keeps the members of one group."""
    assert mailup.get(f"{OPTINS}?Groups=2")["TotalElementsCount"] == 65
    assert mailup.get("/Console/Group/2/Recipients")["TotalElementsCount"] == 65


def test_sms_twins(mailup: Caller) -> None:
    """The SMS channel has its own resources and key spellings."""
    row = mailup.items("/Console/Sms/List/3/Recipients/SmsOptins")[0]
    assert (row["MobilePrefix"], row["MobileNumber"], row["Status"]) == (
        "0039",
        "3471200003",
        "OPTIN",
    )
    assert mailup.get("/Console/Sms/List/3/Recipients/Subscribed")["TotalElementsCount"] == 66
    assert mailup.get("/Console/Sms/List/3/Recipients/Unsubscribed")["Items"] == []


@pytest.mark.parametrize("value", ['"subscribed.003@example.it"', "Subscribed.003@Example.it"])
def test_the_global_search_tells_states_on_all_lists(mailup: Caller, value: str) -> None:
    """/Recipients?email= finds one recipient with its state per list and channel."""
    found = mailup.items(f"/Console/Recipients?email={quote(value)}")
    assert [item["idRecipient"] for item in found] == [3]
    assert found[0]["Subscriptions"] == [
        {"Channel": "EMAIL", "IdList": 1, "Status": "OPTIN"},
        {"Channel": "EMAIL", "IdList": 2, "Status": "OPTIN"},
        {"Channel": "SMS", "IdList": 3, "Status": "OPTIN"},
    ]
    assert mailup.items("/Console/Recipients?mobile=%2B393471200003") == found
    assert mailup.get("/Console/Recipients/3") == found[0]


def test_the_search_for_nobody_is_an_empty_page(mailup: Caller) -> None:
    """An unknown address is no error."""
    assert mailup.items('/Console/Recipients?email="nobody@example.it"') == []


def test_an_unknown_resource_gets_404(mailup: Caller) -> None:
    """A path that MailUp does not have gets 404 in the usual shape."""
    answer = mailup.call("GET", "/Console/Nonsense")
    assert (answer.status_code, answer.json()["ErrorCode"]) == (404, "404")
