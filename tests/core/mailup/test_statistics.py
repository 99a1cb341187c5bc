"""E-mail statistics: complete walks, and gaps that are reported."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.client import MailUpClient
from blocks.mailup.pages.frames import PageColumn
from blocks.mailup.resources import statistics
from blocks.mailup.resources.messages import Sending
from blocks.mailup.resources.statistics import Availability, counts
from sandbox.mailup.server import Emulator, start
from tests.core.emulated import settings_of
from tests.core.mailup_by_hand import Answer, ByHand, by_hand, envelope, paged, plain

BASE = "/statistics/Message/7"
DETAILS = f"{BASE}/List/UrlClickDetails"
SENT = Sending("2024-03-01 09:00:00Z", "2024-03-01 09:05:00Z", 10)
Walk = Callable[[MailUpClient, int], Iterator[pl.DataFrame]]


@pytest.fixture
def mailup() -> Iterator[ByHand]:
    with by_hand() as server:
        yield server


def people(count: int, **other: Any) -> list[dict[str, Any]]:
    """Rows of a statistic, one per recipient, with the documented fields."""
    return [
        {"Email": f"p{n}@example.it", "IdMessage": 7, "IdRecipient": n, **other}
        for n in range(1, count + 1)
    ]


def clicks(client: MailUpClient, message_id: int) -> Iterator[pl.DataFrame]:
    """Clicks per recipient over all links, to which the client falls back."""
    return statistics.clicks(client.statistics_session, message_id)


def walked(pages: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """All frames of a walk as one."""
    return pl.concat(list(pages))


@pytest.mark.parametrize(
    ("what", "walk", "columns"),
    [
        ("Recipients", MailUpClient.message_recipients, statistics.RECIPIENTS),
        ("Views", MailUpClient.views, statistics.VIEWS),
        ("Clicks", clicks, statistics.CLICKS),
        ("Bounces", MailUpClient.bounces, statistics.BOUNCES),
    ],
)
def test_every_recipient_of_a_statistic_comes_once(
    mailup: ByHand, what: str, walk: Walk, columns: tuple[PageColumn, ...]
) -> None:
    """All pages are read from the statistics service, each with the same columns and types."""
    mailup.resources[f"{BASE}/List/{what}"] = paged(people(53, Count=3))
    with mailup.client(page_size=10) as client:
        found = walked(walk(client, 7))
        assert client.calls == 1 + len(mailup.asked)
    assert found["recipient_id"].to_list() == list(range(1, 54))
    assert found["email"][52] == "p53@example.it"
    assert dict(found.schema) == {each.name: each.dtype for each in columns}
    if "count" in found.columns:
        assert set(found["count"]) == {3}


def test_dates_and_codes_are_taken_where_a_row_carries_them(mailup: ByHand) -> None:
    """Undocumented fields that MailUp may send are kept."""
    resources = mailup.resources
    resources[f"{BASE}/List/Bounces"] = paged(
        people(1, BounceType=550, BounceDate="2024-03-01T10:00:00Z")
    )
    resources[f"{BASE}/List/Views"] = paged(
        people(1, IPAddress="203.0.113.7", UserAgent="Mail", Date="2024-03-01 10:00:00Z")
    )
    with mailup.client() as client:
        bounce, view = (
            walked(walk(7)).row(0, named=True) for walk in (client.bounces, client.views)
        )
    assert (bounce["code"], bounce["at"]) == ("550", "2024-03-01 10:00:00Z")
    assert (view["ip"], view["agent"]) == ("203.0.113.7", "Mail")
    assert view["at"] == "2024-03-01 10:00:00Z"


def test_a_walk_asks_for_a_page_when_it_is_needed(mailup: ByHand) -> None:
    """Memory is bounded by the page: the second page is not asked for before the first is used."""
    mailup.resources[f"{BASE}/List/Views"] = paged(people(100))
    with mailup.client(page_size=10) as client:
        pages = client.views(7)
        assert not mailup.asked
        assert next(pages).height == 10
        assert len(mailup.asked) == 1


def test_a_page_that_takes_too_long_is_asked_for_smaller(mailup: ByHand) -> None:
    """The statistics service gets smaller pages too, and no row is lost or doubled."""
    mailup.resources[f"{BASE}/List/Views"] = paged(people(230), slow_above=100)
    with mailup.client(page_size=320, read_seconds=0.3) as client:
        found = walked(client.views(7))["recipient_id"].to_list()
    assert found == list(range(1, 231))
    assert {query["pagesize"] for _, query in mailup.asked} == {"320", "160", "80"}


def test_counts_are_bare_numbers(mailup: ByHand) -> None:
    """Count resources answer a number; anything else is an unusable answer."""
    mailup.resources[f"{BASE}/Count/Views"] = plain(103)
    mailup.resources[f"{BASE}/Count/Clicks"] = plain({"Count": 1})
    with mailup.client() as client:
        assert counts(client.statistics_session, 7, "Views") == 103
        with pytest.raises(MailUpUnavailable):
            counts(client.statistics_session, 7, "Clicks")


@pytest.mark.parametrize(
    ("count", "sendings", "expected"),
    [
        (10, [SENT], Availability.COMPLETE),
        (10, [], Availability.COMPLETE),
        (0, [SENT], Availability.EXPIRED),
        (0, [], Availability.UNSENT),
        (0, [Sending("2024-03-01 09:00:00Z", "", 10, finished=False)], Availability.UNSENT),
        (0, [Sending("2024-03-01 09:00:00Z", "2024-03-01 09:00:01Z", 0)], Availability.UNSENT),
        (0, [SENT, Sending("2024-04-01 09:00:00Z", "", 0, finished=False)], Availability.EXPIRED),
    ],
)
def test_expired_is_not_the_same_as_no_events(
    mailup: ByHand, count: int, sendings: list[Sending], expected: Availability
) -> None:
    """A message that was sent and has no recipients any more is expired, not empty."""
    mailup.resources[f"{BASE}/Count/Recipients"] = plain(count)
    with mailup.client() as client:
        assert client.availability(7, sendings) is expected


def clicks_of(mailup: ByHand, details: Answer, *, clicks: int = 1) -> None:
    """A message with click details, and clicks per recipient."""
    mailup.resources[DETAILS] = details
    mailup.resources[f"{BASE}/Count/Clicks"] = plain(clicks)
    mailup.resources[f"{BASE}/List/Clicks"] = paged(people(clicks, Count=2))


def test_clicks_are_given_by_recipient_and_link(mailup: ByHand) -> None:
    """Where MailUp gives both, each pair comes once with its count, over all pages."""
    clicks_of(mailup, paged(people(30, Url="https://www.example.it/a", Count=2)))
    with mailup.client(page_size=8) as client:
        found = client.url_click_details(7)
        assert (found.detail_level, found.counted) == ("url", True)
        rows = walked(found.pages)
    assert rows.select("recipient_id", "url", "count").rows() == [
        (n, "https://www.example.it/a", 2) for n in range(1, 31)
    ]
    assert len(mailup.asked) == 4


def test_rows_that_are_single_clicks_are_marked(mailup: ByHand) -> None:
    """Rows without count are one click each, dated maybe: adding them up is not done here."""
    row = people(1, Url="https://www.example.it/a", ClickDate="2024-03-01 10:00:00Z")
    clicks_of(mailup, paged(row * 2))
    with mailup.client() as client:
        found = client.url_click_details(7)
        assert not found.counted
        assert walked(found.pages)["count"].to_list() == [1, 1]


@pytest.mark.parametrize(
    "details",
    [
        plain({"ErrorDescription": "none"}, 404),
        plain({"ErrorDescription": "parameter missing"}, 400),
        paged([{"Url": "https://www.example.it/a", "Count": 5}]),
        paged(people(2, Count=5)),
        paged([]),
    ],
    ids=["missing", "refused", "no recipient", "no link", "empty"],
)
def test_without_click_details_clicks_are_given_by_recipient(
    mailup: ByHand, details: Answer
) -> None:
    """The fall-back loses the link, not the click, and reports it."""
    clicks_of(mailup, details, clicks=3)
    with mailup.client() as client:
        found = client.url_click_details(7)
        assert (found.detail_level, found.counted) == ("recipient", True)
        rows = walked(found.pages)
    assert rows["recipient_id"].to_list() == [1, 2, 3]
    assert rows["url"].null_count() == 3


def test_a_link_in_a_row_per_recipient_is_left_out(mailup: ByHand) -> None:
    """Rows per recipient never carry a link: with one they would be other events later."""
    mailup.resources[f"{BASE}/List/Clicks"] = paged(people(2, Url="https://www.example.it/a"))
    with mailup.client() as client:
        assert walked(clicks(client, 7))["url"].null_count() == 2


def test_a_message_without_clicks_keeps_its_level(mailup: ByHand) -> None:
    """No details and no clicks is no reason to fall back."""
    clicks_of(mailup, paged([]), clicks=0)
    with mailup.client() as client:
        found = client.url_click_details(7)
        assert found.detail_level == "url"
        assert list(found.pages) == []
    assert f"{BASE}/List/Clicks" not in mailup.paths()


def test_a_message_read_by_link_never_falls_back(mailup: ByHand) -> None:
    """Details that vanish later give no rows, or an error: the same clicks must not come again."""
    clicks_of(mailup, paged([]), clicks=3)
    with mailup.client() as client:
        assert list(client.url_click_details(7, may_fall_back=False).pages) == []
        mailup.resources[DETAILS] = plain({"ErrorDescription": "none"}, 404)
        with pytest.raises(MailUpRefused):
            client.url_click_details(7, may_fall_back=False)
        mailup.resources[DETAILS] = paged(people(2))
        assert client.url_click_details(7, may_fall_back=False).detail_level == "recipient"


def test_a_refusal_that_is_not_about_the_resource_is_an_error(mailup: ByHand) -> None:
    """Missing permission is no missing resource: nothing is quietly left out."""
    clicks_of(mailup, plain({"ErrorDescription": "no"}, 403))
    with mailup.client() as client, pytest.raises(MailUpRefused):
        client.url_click_details(7)


def test_click_details_show_no_rows(mailup: ByHand) -> None:
    """The repr holds the level only."""
    clicks_of(mailup, plain([people(1, Url="https://www.example.it/secret")[0]]))
    with mailup.client() as client:
        shown = repr(client.url_click_details(7))
    assert shown == "ClickDetails(detail_level='url', counted=False)"


def test_an_answer_that_is_not_paged_is_one_frame(mailup: ByHand) -> None:
    """A service that does not page is believed when the next page is the same again."""
    mailup.resources[f"{BASE}/List/Views"] = plain(envelope(people(30), size=0, total=0))
    with mailup.client(page_size=10) as client:
        assert [frame.height for frame in client.views(7)] == [30]
    assert len(mailup.asked) == 2


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    home: Path = tmp_path_factory.mktemp("mailup")
    with start(home, calls_per_second=0) as served:
        yield served


@pytest.fixture
def client(emulator: Emulator) -> Iterator[MailUpClient]:
    with MailUpClient(settings_of(emulator, page_size=13), pace=lambda: None) as opened:
        yield opened


def test_the_emulator_is_read_completely(client: MailUpClient) -> None:
    """Walks, counts and the send history of a sent message agree."""
    history = client.send_history(1, 11)
    assert client.availability(11, history) is Availability.COMPLETE
    sent = walked(client.message_recipients(11))
    assert sent["recipient_id"].is_unique().all()
    counted = counts(client.statistics_session, 11, "Recipients")
    assert sent.height == history[0].recipients == counted
    for walk in (MailUpClient.views, clicks, MailUpClient.bounces):
        assert set(walked(walk(client, 11))["recipient_id"]) <= set(sent["recipient_id"])
    per_person = walked(clicks(client, 11))["count"].sum()
    assert per_person == walked(client.url_click_details(11).pages)["count"].sum()


def test_the_emulator_forgets_and_it_shows(emulator: Emulator, client: MailUpClient) -> None:
    """After the retention a sent message is expired; one never sent stays unsent."""
    settings = f"{emulator.base_url}/_sandbox/settings"
    requests.post(settings, json={"retention_days": 15}, timeout=5).raise_for_status()
    try:
        found = client.availability(11, client.send_history(1, 11))
        assert list(client.views(11)) == []
    finally:
        requests.post(settings, json={"retention_days": None}, timeout=5).raise_for_status()
    assert found is Availability.EXPIRED
    assert client.availability(12, client.send_history(1, 12)) is Availability.UNSENT
