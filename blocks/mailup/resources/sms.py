"""SMS messages of a list, and the delivery report of each SMS."""

from collections.abc import Iterator

import polars as pl

from blocks.mailup.http.session import Session
from blocks.mailup.pages.frames import PageColumn, frames
from blocks.mailup.pages.paging import pages
from blocks.mailup.pages.unpaged import whole_answer
from blocks.mailup.resources.messages import Message

OUTCOMES = (
    # International prefix and number, digits only.
    PageColumn("number", "text", ("receiver", "recipient", "number")),
    PageColumn("sent_at", "moment", ("sentdate", "senddate")),
    # 0 delivered, 1 queued, 2 error; null if it is not a number.
    PageColumn("status", "id", ("status",)),
    # Outcome and detail, such as FAILED_AT_004; null unless it failed.
    PageColumn("error", "text", ("errorcode", "error")),
    # When the operator's receipt arrived; not documented for this resource.
    PageColumn("at", "moment", ("responsedate", "deliverydate", "statusdate", "receiptdate")),
)


def sms_messages(session: Session, list_id: int) -> Iterator[list[Message]]:
    """The SMS messages of a list, page by page, by id."""
    path = f"/Console/Sms/List/{list_id}/Messages"
    for items in pages(session, path, "idMessage"):
        yield [Message.read(item, list_id, f"GET {path}") for item in items]


def sms_report_details(session: Session, message_id: int) -> Iterator[pl.DataFrame]:
    """The current state of each SMS of a message. Columns: `OUTCOMES`.

    Usually one frame, because MailUp does not page this resource. Several sendings of one message
    differ only in `sent_at`.
    """
    path = f"/Console/Sms/{message_id}/Sendings/ReportDetails"
    return frames(whole_answer(session, path), OUTCOMES)
