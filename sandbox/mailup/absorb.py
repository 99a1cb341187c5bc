"""Write the recipients of one body to the tables: matching, data, status, groups.

Chosen: a number or address of another recipient stays with that recipient; `New` counts those who
were not in the list.
"""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from sandbox.mailup.rules import IMPORTED, NEVER_BACK, Flags, first_status, transitions
from sandbox.mailup.settings import Settings
from sandbox.mailup.staging import Counters, Staging

STAGE = """
CREATE TEMP TABLE IF NOT EXISTS stage (
    seq INTEGER PRIMARY KEY, recipient_id INTEGER, email TEXT COLLATE NOCASE, prefix TEXT,
    number TEXT, number_key TEXT, name TEXT, fields TEXT
)
"""
# Matched while filling; new recipients get an id above all existing ones.
FILL = {
    "email": "INSERT INTO stage (email, prefix, number, number_key, name, fields, recipient_id) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT id FROM recipient WHERE email = ?1))",
    "sms": "INSERT INTO stage (email, prefix, number, number_key, name, fields, recipient_id) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT id FROM recipient WHERE number_key = ?4))",
}
# An unknown address with a known number is a row of the number's owner.
MATCH = (
    "UPDATE stage SET recipient_id = (SELECT id FROM recipient r "
    "WHERE r.number_key = stage.number_key) WHERE recipient_id IS NULL AND number_key NOT IN "
    "(SELECT r.number_key FROM stage s JOIN recipient r ON r.id = s.recipient_id "
    "WHERE r.number_key IS NOT NULL)"
)
OTHER_KEY = (
    "(SELECT 1 FROM recipient r WHERE r.id = stage.recipient_id "
    "AND (r.number_key <> stage.number_key OR r.email <> stage.email))"
)
KEEP_KEYS = (
    "UPDATE stage SET (email, prefix, number, number_key) = (SELECT coalesce(r.email, stage.email),"  # noqa: S608 - constants
    " coalesce(r.prefix, stage.prefix), coalesce(r.number, stage.number),"
    " coalesce(r.number_key, stage.number_key) FROM recipient r WHERE r.id = stage.recipient_id)"
    f" WHERE EXISTS {OTHER_KEY}"
)
# The second key must not be taken from another recipient.
YIELD = {
    "email": "UPDATE stage SET prefix = NULL, number = NULL, number_key = NULL "
    "WHERE number_key IS NOT NULL AND EXISTS (SELECT 1 FROM recipient r "
    "WHERE r.number_key = stage.number_key AND r.id IS NOT stage.recipient_id)",
    "sms": "UPDATE stage SET email = NULL "
    "WHERE email IS NOT NULL AND EXISTS (SELECT 1 FROM recipient r "
    "WHERE r.email = stage.email AND r.id IS NOT stage.recipient_id)",
}
REFUSE = {
    channel: f"DELETE FROM stage WHERE {sql.partition(' WHERE ')[2]}"  # noqa: S608 - constants
    for channel, sql in YIELD.items()
}
NUMBER = "UPDATE stage SET recipient_id = seq + :last WHERE recipient_id IS NULL"
UPDATE = """
UPDATE recipient SET
    email = coalesce(s.email, recipient.email),
    prefix = CASE WHEN s.number_key IS NULL THEN recipient.prefix ELSE s.prefix END,
    number = coalesce(s.number, recipient.number),
    number_key = coalesce(s.number_key, recipient.number_key),
    name = coalesce(s.name, recipient.name),
    fields = CASE WHEN :clear THEN s.fields ELSE json_patch(recipient.fields, s.fields) END
FROM stage s WHERE s.recipient_id = recipient.id AND s.recipient_id <= :last
"""
INSERT = """
INSERT INTO recipient (id, email, prefix, number, number_key, name, fields)
SELECT recipient_id, email, prefix, number, number_key, name, fields
FROM stage WHERE recipient_id > :last
"""
MOVE = """
UPDATE subscription SET status = :new,
    optin_date = CASE WHEN :new = 'subscribed' THEN :now ELSE optin_date END,
    optin_request_date = CASE WHEN :new = 'pending' THEN :now ELSE optin_request_date END,
    optout_date = CASE WHEN :new = 'unsubscribed' THEN :now ELSE '' END,
    optout_type = CASE WHEN :new = 'unsubscribed' THEN :type END,
    optout_subtype = CASE WHEN :new = 'unsubscribed' THEN 0 END,
    optout_message = NULL
WHERE list_id = :list AND channel = :channel
    AND recipient_id IN (SELECT recipient_id FROM stage)
    AND status = :old AND coalesce(optout_type, 0) NOT IN (:never, :back)
"""
JOIN_LIST = """
INSERT OR IGNORE INTO subscription (list_id, channel, recipient_id, status, optin_date,
    optin_request_date, optout_date, optout_type, optout_subtype)
SELECT :list, :channel, recipient_id, :new,
    CASE WHEN :new = 'subscribed' THEN :now ELSE '' END,
    CASE WHEN :new = 'pending' THEN :now ELSE '' END,
    CASE WHEN :new = 'unsubscribed' THEN :now ELSE '' END,
    CASE WHEN :new = 'unsubscribed' THEN :type END,
    CASE WHEN :new = 'unsubscribed' THEN 0 END
FROM stage WHERE (:channel = 'email' OR number_key IS NOT NULL) AND :unknown
"""
LEAVE_GROUPS = """
DELETE FROM membership WHERE group_id IN (SELECT id FROM grp WHERE list_id = ?)
    AND recipient_id IN (SELECT recipient_id FROM stage)
"""
JOIN_GROUP = """
INSERT OR IGNORE INTO membership SELECT ?, recipient_id FROM stage
"""


@dataclass(frozen=True)
class Target:
    """Destination of recipients; `now` is the time as subscription details show it.

    `settings` has the variants, and the keys that are refused although they look valid.
    """

    list_id: int
    group_id: int | None
    default_prefix: str
    now: str
    settings: Settings = field(default_factory=Settings)


def absorb(
    connection: sqlite3.Connection, items: list[Any], target: Target, flags: Flags
) -> Counters:
    """Write the recipients of one body inside the caller's transaction."""
    staging = Staging(flags, target.default_prefix, frozenset(target.settings.refused))
    connection.execute(STAGE)
    connection.execute("DELETE FROM stage")
    connection.executemany(FILL[flags.channel], staging.rows(items))
    _settle_keys(connection, staging.counters, target.settings, flags)
    _write_people(connection, flags)
    _write_status(connection, staging.counters, target, flags)
    _write_groups(connection, target, flags)
    return staging.counters


def _settle_keys(
    connection: sqlite3.Connection, counters: Counters, settings: Settings, flags: Flags
) -> None:
    """Handle rows whose second key differs from the recipient's, or belongs to another one."""
    if flags.channel == "email" and settings.number_of_another == "matched":
        connection.execute(MATCH)
    if settings.second_key == "kept":
        connection.execute(KEEP_KEYS)
    elif settings.second_key != "overwritten":
        refused = connection.execute(f"DELETE FROM stage WHERE EXISTS {OTHER_KEY}").rowcount  # noqa: S608 - constant
        counters.Refused += refused if settings.second_key == "refused" else 0
    if settings.number_of_another == "refused":
        counters.Refused += connection.execute(REFUSE[flags.channel]).rowcount
    yielded = connection.execute(YIELD[flags.channel]).rowcount
    counters.InvalidNumber += yielded if flags.channel == "email" else 0


def _write_people(connection: sqlite3.Connection, flags: Flags) -> None:
    last = connection.execute("SELECT coalesce(max(id), 0) FROM recipient").fetchone()[0]
    connection.execute(NUMBER, {"last": last})
    connection.execute(UPDATE, {"last": last, "clear": flags.clear})
    connection.execute(INSERT, {"last": last})


def _write_status(
    connection: sqlite3.Connection, counters: Counters, target: Target, flags: Flags
) -> None:
    values = {
        "list": target.list_id,
        "channel": flags.channel,
        "now": target.now,
        "type": IMPORTED,
        "never": NEVER_BACK[0],
        "back": NEVER_BACK[1],
    }
    for move in transitions(flags, target.settings):
        connection.execute(MOVE, values | {"old": move.old, "new": move.new})
    wanted = flags.import_type != "asOptout" or target.settings.optout_of_unknown == "unsubscribed"
    values |= {"new": first_status(flags), "unknown": wanted}
    joined = connection.execute(JOIN_LIST, values).rowcount
    total = connection.execute("SELECT count(*) FROM stage").fetchone()[0]
    counters.New, counters.Update = joined, total - joined
    if flags.channel == "email" and flags.plain and target.settings.number_subscribes:
        connection.execute(JOIN_LIST, values | {"channel": "sms", "new": "subscribed"})


def _write_groups(connection: sqlite3.Connection, target: Target, flags: Flags) -> None:
    if target.group_id is None:
        return
    if flags.replace_groups:
        connection.execute(LEAVE_GROUPS, (target.list_id,))
    connection.execute(JOIN_GROUP, (target.group_id,))
