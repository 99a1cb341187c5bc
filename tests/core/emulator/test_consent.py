"""The status rules of imports and single calls."""

import pytest

from sandbox.mailup.caller import Caller

LIST = "/Console/List/1/Recipients"
# One of each, with ids from the seed.
SUBSCRIBED, UNSUBSCRIBED, BOUNCED, COMPLAINED, PENDING, NEW = (
    "subscribed.001@example.it",
    "unsubscribed.131@example.it",
    "bounced.161@example.it",
    "complained.176@example.it",
    "pending.181@example.it",
    "new@example.it",
)
EVERYBODY = (SUBSCRIBED, UNSUBSCRIBED, BOUNCED, COMPLAINED, PENDING, NEW)
S, U, P = "subscribed", "unsubscribed", "pending"


@pytest.fixture
def mailup(new_account: Caller) -> Caller:
    return new_account


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (S, U, U, U, P, S)),
        ("?importType=asOptin", (S, S, U, U, P, S)),
        ("?importType=asOptout", (U, U, U, U, P, U)),
        ("?ConfirmEmail=true", (P, U, U, U, P, P)),
        ("?confirmMessage=true", (P, U, U, U, P, P)),
        ("?ConfirmEmail=true&importType=asOptin", (S, P, U, U, P, P)),
    ],
)
def test_status_after_an_import(mailup: Caller, query: str, expected: tuple[str, ...]) -> None:
    """An import changes statuses by the table of the SOAP flags; bounces and complaints stay."""
    mailup.import_all(LIST + query, [{"Email": email} for email in EVERYBODY])
    people = mailup.people(1)
    assert tuple(people[email]["status"] for email in EVERYBODY) == expected


@pytest.mark.parametrize(
    "query", ["?importType=asPending", "?ConfirmEmail=true&importType=asOptout"]
)
def test_unknown_and_contradictory_flags_are_refused(mailup: Caller, query: str) -> None:
    """importType=asPending and a confirmed opt-out get 400."""
    assert mailup.call("POST", LIST + query, [{"Email": NEW}]).status_code == 400


def test_an_opt_out_by_import_leaves_cause_and_date(mailup: Caller) -> None:
    """asOptout leaves type 4 and a date; an earlier cause is kept."""
    mailup.import_all(f"{LIST}?importType=asOptout", [{"Email": SUBSCRIBED}, {"Email": BOUNCED}])
    people = mailup.people(1)
    assert (people[SUBSCRIBED]["type"], people[BOUNCED]["type"]) == (4, 8)
    assert people[SUBSCRIBED]["optout_date"] > "2025"


def test_an_opt_in_clears_the_cause(mailup: Caller) -> None:
    """asOptin takes away cause and date of the opt-out and sets the date of the opt-in."""
    mailup.import_all(f"{LIST}?importType=asOptin", [{"Email": UNSUBSCRIBED}])
    person = mailup.people(1)[UNSUBSCRIBED]
    assert (person["type"], person["optout_date"]) == (None, "")
    assert person["optin_date"] > "2025"


def test_flags_of_one_channel_leave_the_other_alone(mailup: Caller) -> None:
    """asOptout by e-mail does not subscribe the number that comes along."""
    person = {"Email": NEW, "MobilePrefix": "0039", "MobileNumber": "3331112223"}
    mailup.import_all(f"{LIST}?importType=asOptout", [person])
    assert mailup.people(1, "sms") == {}


def test_a_confirmation_mailing_is_prepared_and_sent_on_demand(mailup: Caller) -> None:
    """ConfirmEmail prepares a sending that goes out once, by Immediate."""
    done = mailup.import_all(f"{LIST}?ConfirmEmail=true", [{"Email": NEW}])
    sending = mailup.get(f"/Console/Import/{done['IdImport']}/Sending")["idSending"]
    path = f"/Console/Email/Sendings/{sending}/Immediate"
    assert mailup.call("POST", path).json()["idSending"] == sending
    assert mailup.call("POST", path).status_code == 400


def test_an_import_without_confirmation_has_no_sending(mailup: Caller) -> None:
    """Asking for the sending of a plain import gets 404."""
    done = mailup.import_all(LIST, [{"Email": NEW}])
    assert mailup.call("GET", f"/Console/Import/{done['IdImport']}/Sending").status_code == 404


def test_one_recipient_at_once(mailup: Caller) -> None:
    """POST .../Recipient answers a bare id, updates on repetition, and never re-subscribes."""
    first = mailup.call("POST", "/Console/List/1/Recipient", {"Email": NEW})
    again = mailup.call("POST", "/Console/Group/2/Recipient", {"Email": NEW.upper()})
    mailup.call("POST", "/Console/List/1/Recipient", {"Email": UNSUBSCRIBED})
    assert first.text == again.text == "201"
    people = mailup.people(1)
    assert people[NEW.upper()]["groups"] == [2]
    assert people[UNSUBSCRIBED]["status"] == U


def test_one_invalid_recipient_is_an_error(mailup: Caller) -> None:
    """The synchronous call refuses an invalid address with 400 and writes nothing."""
    answer = mailup.call("POST", "/Console/List/1/Recipient", {"Email": "nonsense"})
    assert (answer.status_code, len(mailup.people(1))) == (400, 200)


def test_one_recipient_with_confirmation_is_pending(mailup: Caller) -> None:
    """POST .../Recipient?ConfirmEmail=true leaves a new recipient pending."""
    mailup.call("POST", "/Console/List/1/Recipient?ConfirmEmail=true", {"Email": NEW})
    assert mailup.people(1)[NEW]["status"] == P


def test_subscribe_and_unsubscribe_answer_nothing(mailup: Caller) -> None:
    """The single calls change the status and answer 200 with an empty body."""
    out = mailup.call("DELETE", "/Console/List/1/Unsubscribe/1")
    assert (out.status_code, out.text) == (200, "")
    assert mailup.people(1)[SUBSCRIBED]["status"] == U
    back = mailup.call("POST", "/Console/List/1/Subscribe/1")
    assert (back.status_code, back.text) == (200, "")
    assert mailup.people(1)[SUBSCRIBED]["status"] == S


def test_a_bounced_recipient_cannot_be_subscribed(mailup: Caller) -> None:
    """Subscribe gets 400 for bounced and complained recipients."""
    found = [
        mailup.call("POST", f"/Console/List/1/Subscribe/{who}").status_code for who in (161, 176)
    ]
    assert found == [400, 400]


def test_groups_of_one_recipient(mailup: Caller) -> None:
    """Group calls change membership only."""
    mailup.call("POST", "/Console/Group/3/Subscribe/1")
    mailup.call("DELETE", "/Console/Group/2/Unsubscribe/1")
    groups = mailup.items("/Console/List/1/Recipient/1/Groups")
    assert [group["idGroup"] for group in groups] == [3]
    assert mailup.people(1)[SUBSCRIBED]["status"] == S


def test_details_are_changed_field_by_field(mailup: Caller) -> None:
    """PUT Recipient/Detail keeps what it does not carry and answers the full recipient."""
    body = {"Email": SUBSCRIBED, "Fields": [{"Id": 3, "Value": "Esempio"}, {"Id": 4, "Value": ""}]}
    before = mailup.people(1)[SUBSCRIBED]["fields"]
    answer = mailup.call("PUT", "/Console/Recipient/Detail", body).json()
    values = {one["Id"]: one["Value"] for one in answer["Fields"]}
    assert (len(values), values[3], values[4], values[1]) == (28, "Esempio", "", before["1"])


def test_removal_from_list_and_account(mailup: Caller) -> None:
    """A recipient can be removed from one list, or altogether."""
    assert mailup.call("DELETE", "/Console/List/1/Recipient/1").json() == {"Removed": 1}
    assert SUBSCRIBED not in mailup.people(1)
    assert SUBSCRIBED in mailup.people(2)
    assert mailup.call("DELETE", "/Console/Recipients/1").json() == {"Removed": 1}
    assert mailup.call("GET", "/Console/Recipients/1").status_code == 404


@pytest.mark.parametrize(
    ("event", "cause", "lists"),
    [("unsubscribe", 2, [1]), ("bounce", 8, [1, 2, 3]), ("complain", 16, [1])],
)
def test_history_can_be_played(mailup: Caller, event: str, cause: int, lists: list[int]) -> None:
    """Played events leave cause and local date: bounces in every list, the others in one."""
    when = "2026-01-15T11:00:00Z"
    mailup.control(event, {"list": 1, "email": SUBSCRIBED, "when": when})
    shown = {one: mailup.people(one).get(SUBSCRIBED) for one in (1, 2, 3)}
    hit = [one for one, person in shown.items() if person and person["type"] == cause]
    assert hit == lists
    assert mailup.people(1)[SUBSCRIBED]["optout_date"] == "2026-01-15 12:00:00.000"


def test_groups_are_made_renamed_and_deleted(mailup: Caller) -> None:
    """A new group answers as an object; names need not be unique; deletion answers nothing."""
    made = [mailup.call("POST", "/Console/List/1/Group", {"Name": "Vip"}).json() for _ in range(2)]
    assert made[0]["Name"] == made[1]["Name"]
    path = f"/Console/List/1/Group/{made[1]['idGroup']}"
    assert mailup.call("PUT", path, {"Name": "Oro"}).json()["Name"] == "Oro"
    gone = mailup.call("DELETE", path)
    assert (gone.status_code, gone.text) == (200, "")
    assert "Oro" not in [one["Name"] for one in mailup.items("/Console/List/1/Groups")]
