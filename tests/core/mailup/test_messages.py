"""Messages and their sendings, as documented and with deviations."""

from collections.abc import Iterator
from typing import Any

import pytest

from blocks.mailup.resources.messages import Message, Sending
from tests.core.mailup_by_hand import ByHand, by_hand, envelope, paged, plain

HISTORY = "/console/Console/List/1/Email/7/SendHistory"
NEVER = "0001-01-01 00:00:00Z"


@pytest.fixture
def mailup() -> Iterator[ByHand]:
    with by_hand() as server:
        yield server


def sending(day: int, **other: Any) -> dict[str, Any]:
    """One row of a send history."""
    known = {
        "StartDate": f"2024-03-{day:02} 09:00:00Z",
        "EndDate": f"2024-03-{day:02} 09:05:00Z",
        "Recipients": 10,
        "idMessage": 7,
    }
    return known | other


def test_all_messages_are_read(mailup: ByHand) -> None:
    """Every message of the list comes once, over all pages."""
    rows = [
        {"CreationDate": "2024-03-01 08:00:00Z", "Subject": f"N. {n}", "idList": 1,
         "idMessage": n, "ServiceType": n % 2}
        for n in range(1, 48)
    ]  # fmt: skip
    mailup.resources["/console/Console/List/1/Emails"] = paged(rows)
    with mailup.client(page_size=10) as client:
        found = [message for page in client.messages(1) for message in page]
    assert found[0] == Message(1, 1, "N. 1")
    assert [message.id for message in found] == list(range(1, 48))


def test_a_message_of_few_fields_is_read(mailup: ByHand) -> None:
    """The oldest documented answer has subject and ids only."""
    mailup.resources["/console/Console/List/1/Emails"] = paged([{"Subject": "A", "idMessage": 5}])
    with mailup.client() as client:
        assert list(client.messages(1)) == [[Message(5, 1, "A")]]


@pytest.mark.parametrize("count", [1, 20, 25])
def test_a_history_that_ignores_paging_is_read_whole(mailup: ByHand, count: int) -> None:
    """SendHistory knows no pages: all sendings come once, also when they fill a default page."""
    rows = [sending(day) for day in range(1, count + 1)]
    mailup.resources[HISTORY] = plain(envelope(rows, size=20, total=count))
    with mailup.client() as client:
        assert len(client.send_history(1, 7)) == count
    assert mailup.asked == [(HISTORY, {})]


def test_a_history_that_is_paged_after_all_is_read_whole(mailup: ByHand) -> None:
    """Where the answer shows that there is more, the rest is asked for."""
    mailup.resources[HISTORY] = paged([sending(day) for day in range(1, 31)])
    with mailup.client(page_size=8) as client:
        started = [each.started[:10] for each in client.send_history(1, 7)]
    assert started == [f"2024-03-{day:02}" for day in range(1, 31)]


def test_sendings_come_oldest_first(mailup: ByHand) -> None:
    """Whatever MailUp's order."""
    mailup.resources[HISTORY] = plain(envelope([sending(9), sending(2)], size=20, total=2))
    with mailup.client() as client:
        assert [each.started[8:10] for each in client.send_history(1, 7)] == ["02", "09"]


@pytest.mark.parametrize(("ended", "finished"), [(NEVER, False), (None, False), ("", False)])
def test_a_sending_under_way_is_not_finished(ended: str | None, finished: bool) -> None:
    """No end, or MailUp's "never", means that MailUp is still sending."""
    found = Sending.read(sending(1, EndDate=ended))
    assert (found.ended, found.finished) == ("", finished)


def test_a_sending_without_end_field_is_finished() -> None:
    """An answer without an end does not say that a sending is in progress."""
    row = sending(1)
    del row["EndDate"]
    assert Sending.read(row).finished
    assert Sending.read(row | {"IdSending": 4}).id == 4


@pytest.mark.parametrize(
    "tags", [[{"Id": 1, "Name": "sale"}, {"id": 2, "name": "spring"}], ["sale", "spring"]]
)
def test_tags_are_names(mailup: ByHand, tags: list[Any]) -> None:
    """Tags are objects with a name or names; a message may have none."""
    mailup.resources["/console/Console/List/1/Email/7"] = plain({"idMessage": 7, "Tags": tags})
    mailup.resources["/console/Console/List/1/Email/8"] = plain({"idMessage": 8})
    with mailup.client() as client:
        assert client.message_tags(1, 7) == ("sale", "spring")
        assert client.message_tags(1, 8) == ()
