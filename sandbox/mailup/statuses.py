"""Change the status of a recipient in a list."""

import sqlite3
from dataclasses import dataclass

from sandbox.mailup.rules import Channel

SET_STATUS = """
INSERT INTO subscription (list_id, channel, recipient_id, status, optin_date, optout_date,
    optout_type, optout_subtype, optout_message)
VALUES (:list, :channel, :recipient, :status, :optin, :optout, :type, :subtype, :message)
ON CONFLICT DO UPDATE SET status = :status,
    optin_date = CASE WHEN :optin = '' THEN optin_date ELSE :optin END,
    optout_date = :optout, optout_type = :type, optout_subtype = :subtype, optout_message = :message
"""


@dataclass(frozen=True)
class Cause:
    """The cause of an unsubscription: documented type, subtype, and message if any."""

    type: int
    subtype: int = 0
    message: int | None = None


def set_subscribed(
    connection: sqlite3.Connection, list_id: int, who: int, moment: str, channel: Channel = "email"
) -> None:
    """Subscribe one recipient to a list; `moment` as subscription details show it."""
    values = {"list": list_id, "channel": channel, "recipient": who, "status": "subscribed",
              "optin": moment, "optout": "", "type": None, "subtype": None,
              "message": None}  # fmt: skip
    connection.execute(SET_STATUS, values)


def set_unsubscribed(
    connection: sqlite3.Connection,
    list_id: int,
    who: int,
    moment: str,
    cause: Cause,
    channel: Channel = "email",
) -> None:
    """Unsubscribe one recipient from a list."""
    values = {"list": list_id, "channel": channel, "recipient": who, "status": "unsubscribed",
              "optin": "", "optout": moment, "type": cause.type, "subtype": cause.subtype,
              "message": cause.message}  # fmt: skip
    connection.execute(SET_STATUS, values)
