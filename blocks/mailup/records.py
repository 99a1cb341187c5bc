"""What MailUp's resources hold, as small frozen records read from its JSON."""

from dataclasses import dataclass, field
from typing import Any, Self

from blocks.errors import MailUpUnavailable
from blocks.mailup.answers import JsonObject, lowered, text, whole, whole_or_zero

OPTED_IN = frozenset({"OPTIN", "OPT-IN", "SUBSCRIBED"})
NEVER = "0001-01-01"
PENDING = frozenset({"PENDING", "OPTPENDING", "WAITING"})
ENDED = frozenset({3, 4})
"""Status codes of an import that is completed, or has failed."""


def _keys(value: object, what: str) -> JsonObject:
    """The object's keys in lower case; anything but an object is an unusable answer."""
    if not isinstance(value, dict):
        raise MailUpUnavailable(f"{what}: MailUp's answer is not an object.")
    return lowered(value)


@dataclass(frozen=True)
class AccountInfo:
    """The account behind the log-in. *expires* is MailUp's text (`2016-12-09 00:00:00.000`), ""
    for never."""

    username: str
    company: str
    version: str
    is_trial: bool
    expires: str

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Account")
        return cls(
            username=text(keys.get("username")),
            company=text(keys.get("company")),
            version=text(keys.get("version")),
            is_trial=bool(keys.get("istrial")),
            expires=_date(keys.get("expirydate")),
        )


@dataclass(frozen=True)
class MailUpList:
    """A list that the user may see."""

    id: int
    name: str

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "List")
        return cls(id=whole(keys.get("idlist"), "List"), name=text(keys.get("name")))


@dataclass(frozen=True)
class Group:
    """A group of one list. Names are not unique at MailUp."""

    id: int
    name: str
    list_id: int

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Group")
        return cls(
            id=whole(keys.get("idgroup"), "Group"),
            name=text(keys.get("name")),
            list_id=whole(keys.get("idlist"), "Group"),
        )


@dataclass(frozen=True)
class DynamicField:
    """A personal-data field, shared by all lists; *id* is 1 to 39, the name is the client's."""

    id: int
    name: str

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Dynamic field")
        return cls(
            id=whole(keys.get("id"), "Dynamic field"),
            name=text(keys.get("description")),
        )


@dataclass(frozen=True)
class ImportStatus:
    """Counters of an import, in recipients. MailUp tells no reasons and no rows."""

    id: int
    completed: bool
    created: int
    imported: int
    not_valid: int
    updated: int
    valid: int

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Import")

        def count(name: str) -> int:
            return whole_or_zero(keys.get(name), "Import")

        return cls(
            id=whole(keys.get("idimport"), "Import"),
            completed=keys.get("completed") is True,
            created=count("createdrecipients"),
            imported=count("importedrecipients"),
            not_valid=count("notvalidrecipients"),
            updated=count("updatedrecipients"),
            valid=count("validrecipients"),
        )


@dataclass(frozen=True)
class ImportDetail:
    """One import as the account's history shows it: in full when it is asked for alone.

    The list of imports may tell less. *started* and *ended* are MailUp's texts, "" while there is
    none. What the answer leaves out is None, or 0 for *list_id* and counts.
    """

    id: int
    list_id: int
    group_ids: tuple[int, ...] | None
    started: str
    ended: str
    status_code: int | None
    rows_total: int
    rows_valid: int
    rows_invalid: int
    repeated: int
    created: int
    updated: int
    as_unsubscribed: bool | None
    sends_confirmation: bool | None
    replaces_groups: bool | None

    @property
    def is_over(self) -> bool:
        """Whether MailUp says that the import has come to its end, well or not."""
        return bool(self.ended) or self.status_code in ENDED

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Import")
        rows = _outcomes(keys.get("rows"))
        valid = _outcomes(rows.get("valid"))
        invalid = _outcomes(rows.get("invalid"))
        status, groups = keys.get("statuscode"), keys.get("idgroups")
        return cls(
            id=id_of_import(keys.get("idimport")),
            list_id=whole_or_zero(keys.get("idlist"), "Import"),
            group_ids=None if groups is None else _ids(groups),
            started=_date(keys.get("startdate")),
            ended=_date(keys.get("enddate")),
            status_code=None if status is None else whole(status, "Import"),
            rows_total=_count(rows, "total"),
            rows_valid=_count(valid, "total"),
            rows_invalid=_count(invalid, "total"),
            repeated=_count(valid, "repeatedemail", "repeatednumber"),
            created=_count(valid, "emailnew", "numbernew"),
            updated=_count(valid, "emailupdate", "numberupdate"),
            as_unsubscribed=_flag(keys.get("importasunsubscribed")),
            sends_confirmation=_flag(keys.get("sendconfirmationemail")),
            replaces_groups=_flag(keys.get("replaceexistinggroup")),
        )


def id_of_import(value: object) -> int:
    """The id of an import; what is no positive number is an unusable answer."""
    found = whole(value, "Import")
    if found <= 0:
        raise MailUpUnavailable("Import: MailUp's answer has an id that no import can have.")
    return found


def _outcomes(value: object) -> JsonObject:
    """Counters by outcome; a bare number is their total."""
    return lowered(value) if isinstance(value, dict) else {"total": value}


def _ids(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise MailUpUnavailable("Import: MailUp's answer has no array of groups.")
    return tuple(whole(each, "Import") for each in value)


def _count(keys: JsonObject, *names: str) -> int:
    return sum(whole_or_zero(keys.get(name), "Import") for name in names)


def _date(value: Any) -> str:
    """A date as MailUp writes it; "" where it writes its "never", the first day of year 1."""
    written = text(value)
    return "" if written.startswith(NEVER) else written


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


@dataclass(frozen=True)
class Optin:
    """The subscription of one recipient to one list on one channel.

    Dates are MailUp's texts (`2020-01-27 10:38:00.000`, zone unknown), "" while there is none.
    *optout_type* is MailUp's code as text, "" when not known.
    """

    recipient_id: int
    status: str
    email: str = field(repr=False)
    prefix: str = field(repr=False)
    number: str = field(repr=False)
    optin_date: str
    optin_request_date: str
    optout_date: str
    optout_type: str
    optout_subtype: str
    optout_message_id: str

    @property
    def opted_in(self) -> bool:
        """Whether the status is a known spelling of "subscribed"; an unknown one is not."""
        return self.status in OPTED_IN

    @property
    def pending(self) -> bool:
        """Whether the recipient was asked to confirm and has not done so yet."""
        return self.status in PENDING

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Subscription")
        return cls(
            recipient_id=whole(keys.get("idrecipient"), "Subscription"),
            status=text(keys.get("status")).strip().upper(),
            email=text(keys.get("email")),
            prefix=text(keys.get("mobileprefix")),
            number=text(keys.get("mobilenumber")),
            optin_date=text(keys.get("optin_date")),
            optin_request_date=text(keys.get("optin_request_date")),
            optout_date=text(keys.get("optout_date")),
            optout_type=text(keys.get("optout_type")),
            optout_subtype=text(keys.get("optout_subtype")),
            optout_message_id=text(keys.get("optout_msgid")),
        )


@dataclass(frozen=True)
class Recipient:
    """A recipient's keys; "" for the one that it does not have."""

    id: int
    email: str = field(repr=False)
    prefix: str = field(repr=False)
    number: str = field(repr=False)

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Recipient")
        return cls(
            id=whole(keys.get("idrecipient"), "Recipient"),
            email=text(keys.get("email")),
            prefix=text(keys.get("mobileprefix")),
            number=text(keys.get("mobilenumber")),
        )
