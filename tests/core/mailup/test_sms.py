"""SMS messages and what became of each SMS."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from blocks.errors import MailUpUnavailable
from blocks.mailup.resources.messages import Message
from tests.core.mailup_by_hand import ByHand, Query, by_hand, envelope, paged, plain

REPORT = "/console/Console/Sms/9/Sendings/ReportDetails"


@pytest.fixture
def mailup() -> Iterator[ByHand]:
    with by_hand() as server:
        yield server


def outcomes(count: int) -> list[dict[str, Any]]:
    """Rows of the report, as documented."""
    return [
        {
            "ErrorCode": "FAILED_AT_004" if n % 2 else "",
            "Receiver": f"39333{n:07}",
            "SentDate": "2024-03-05 10:30:00Z",
            "Status": 2 if n % 2 else 0,
        }
        for n in range(count)
    ]


def numbers(pages: Iterator[pl.DataFrame]) -> list[str]:
    """The receivers of all frames."""
    return [number for page in pages for number in page["number"]]


def test_all_sms_messages_are_read(mailup: ByHand) -> None:
    """Every message of the list comes once, with the few fields that SMS messages have."""
    rows = [{"Subject": "S", "idList": 2, "idMessage": n} for n in range(1, 26)]
    mailup.resources["/console/Console/Sms/List/2/Messages"] = paged(rows)
    with mailup.client(page_size=10) as client:
        found = [message for page in client.sms_messages(2) for message in page]
    assert found == [Message(n, 2, "S") for n in range(1, 26)]


def test_the_report_is_read_in_one_piece(mailup: ByHand) -> None:
    """Totals of 0 are ignored, and no page parameters are sent."""
    mailup.resources[REPORT] = plain(envelope(outcomes(700), size=0, total=0))
    with mailup.client(page_size=50) as client:
        frames = list(client.sms_report_details(9))
    assert [frame.height for frame in frames] == [700]
    assert mailup.asked == [(REPORT, {})]
    assert frames[0].rows()[:2] == [
        ("393330000000", "2024-03-05 10:30:00Z", 0, None, None),
        ("393330000001", "2024-03-05 10:30:00Z", 2, "FAILED_AT_004", None),
    ]


def test_a_report_that_is_cut_without_a_word_is_walked(mailup: ByHand) -> None:
    """As many rows as a page has that nobody asked for may not be all: sizes and totals are 0."""
    rows = outcomes(70)

    def answer(query: Query) -> tuple[int, Any]:
        number, size = int(query.get("pagenumber", 0)), int(query.get("pagesize", 20))
        return 200, envelope(rows[number * size : (number + 1) * size], size=0, total=0)

    mailup.resources[REPORT] = answer
    with mailup.client(page_size=50) as client:
        assert len(numbers(client.sms_report_details(9))) == 70


def test_no_sms_is_no_frame(mailup: ByHand) -> None:
    """A message that was not sent has an empty report."""
    mailup.resources[REPORT] = plain(envelope([], size=0, total=0))
    with mailup.client() as client:
        assert list(client.sms_report_details(9)) == []


@pytest.mark.parametrize("total", [45, 0])
def test_a_report_that_is_paged_after_all_is_walked(mailup: ByHand, total: int) -> None:
    """An answer that looks like a first page is walked to the end, with or without a total."""
    everything = paged(outcomes(45))

    def answer(query: Query) -> tuple[int, Any]:
        status, page = everything(query)
        return status, page | {"TotalElementsCount": total}

    mailup.resources[REPORT] = answer
    with mailup.client(page_size=10) as client:
        assert numbers(client.sms_report_details(9)) == [row["Receiver"] for row in outcomes(45)]


@pytest.mark.parametrize("tells_size", [True, False])
def test_a_report_that_takes_too_long_is_walked(mailup: ByHand, tells_size: bool) -> None:
    """A report too large for one answer comes in pages, also where the envelope denies paging."""
    in_pages = paged(outcomes(230))

    def answer(query: Query) -> tuple[int, Any]:
        if "pagesize" not in query:
            return paged([], slow_above=0)(query)
        status, page = in_pages(query)
        return status, page if tells_size else page | {"PageSize": 0, "TotalElementsCount": 0}

    mailup.resources[REPORT] = answer
    with mailup.client(page_size=100, read_seconds=0.3) as client:
        assert numbers(client.sms_report_details(9)) == [row["Receiver"] for row in outcomes(230)]
    assert [query for _, query in mailup.asked].count({}) == 1


def test_a_server_that_cuts_and_repeats_is_refused(mailup: ByHand) -> None:
    """What cannot be read completely is an error, never a shorter report."""
    mailup.resources[REPORT] = plain(envelope(outcomes(20), size=20, total=50))
    with mailup.client(page_size=20) as client, pytest.raises(MailUpUnavailable, match="same page"):
        list(client.sms_report_details(9))


def test_a_receipt_date_is_taken_where_a_row_carries_one(mailup: ByHand) -> None:
    """The date is not documented; if it comes, it is the date of the outcome."""
    row = outcomes(1)[0] | {"ResponseDate": "2024-03-05 10:31:00Z", "Receiver": 39333}
    mailup.resources[REPORT] = plain([row])
    with mailup.client() as client:
        found = next(client.sms_report_details(9)).row(0, named=True)
    assert (found["number"], found["at"]) == ("39333", "2024-03-05 10:31:00Z")
