"""What MailUp's resources hold, as small frozen records read from its JSON."""

from dataclasses import dataclass, field
from typing import Self

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.http.answers import whole_number
from blocks.mailup.pages.objects import Fields

# The codes are those of MailUp's page that tells the state of one address.
OPTED_IN = frozenset({"OPTIN", "OPT-IN", "SUBSCRIBED", "2"})
OPTED_OUT = frozenset({"OPTOUT", "OPT-OUT", "UNSUBSCRIBED", "3"})
PENDING = frozenset({"PENDING", "OPTPENDING", "WAITING", "4"})
IMPORT_ENDED = frozenset({3, 4})
"""Status codes of an import that is completed, or has failed."""


@dataclass(frozen=True)
class AccountInfo:
    """The account behind the log-in. *expires* is MailUp's text (`2016-12-09 00:00:00.000`), ""
    for never."""

    username: str
    version: str
    is_trial: bool
    expires: str

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        return cls(
            username=told.text("Username"),
            version=told.text("Version"),
            is_trial=bool(told.flag("IsTrial")),
            expires=told.date("ExpiryDate"),
        )


@dataclass(frozen=True)
class MailUpList:
    """A list that the user may see."""

    id: int
    name: str

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        return cls(id=told.id("IdList"), name=told.text("Name"))


@dataclass(frozen=True)
class Group:
    """A group of one list. Names are not unique at MailUp."""

    id: int
    name: str
    list_id: int

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        return cls(
            id=told.id("idGroup"),
            name=told.text("Name"),
            list_id=told.id("idList"),
        )


@dataclass(frozen=True)
class DynamicField:
    """A personal-data field, shared by all lists; *id* is 1 to 39, the name is the client's."""

    id: int
    name: str

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        return cls(id=told.id("Id"), name=told.text("Description"))


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
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        if not told.has("Completed"):
            raise told.unusable("does not say whether it is completed", ("Completed",))
        return cls(
            id=told.id("idImport"),
            completed=told.flag("Completed") is True,
            created=told.count("CreatedRecipients"),
            imported=told.count("ImportedRecipients"),
            not_valid=told.count("NotValidRecipients"),
            updated=told.count("UpdatedRecipients"),
            valid=told.count("ValidRecipients"),
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
        return bool(self.ended) or self.status_code in IMPORT_ENDED

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        # The list of imports tells a bare number.
        rows = told.inner("Rows", number="Total")
        valid, invalid = rows.inner("Valid", number="Total"), rows.inner("Invalid", number="Total")
        return cls(
            id=told.id("IdImport"),
            list_id=told.count("IdList"),
            group_ids=told.ids("IdGroups"),
            started=told.date("StartDate"),
            ended=told.date("EndDate"),
            status_code=told.code("StatusCode"),
            rows_total=rows.count("Total"),
            rows_invalid=invalid.count("Total"),
            repeated=valid.count("RepeatedEmail") + valid.count("RepeatedNumber"),
            created=valid.count("EmailNew") + valid.count("NumberNew"),
            updated=valid.count("EmailUpdate") + valid.count("NumberUpdate"),
            as_unsubscribed=told.flag("ImportAsUnsubscribed"),
            sends_confirmation=told.flag("SendConfirmationEmail"),
            replaces_groups=told.flag("ReplaceExistingGroup"),
        )


def id_of_import(value: object) -> int:
    """The id of an import; what is no positive number is an unusable answer."""
    found = whole_number(value, "Import")
    if found <= 0:
        raise MailUpUnavailable("Import: MailUp's answer has an id that no import can have.")
    return found


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

    @property
    def opted_out(self) -> bool:
        """Whether somebody has left. Where a status says neither this nor that, the answer cannot
        be used: MailUpRefused, for what is told on must not be a guess."""
        if self.opted_in or self.pending or self.status in OPTED_OUT:
            return self.status in OPTED_OUT
        raise MailUpRefused(
            "Subscription, field Status: MailUp tells a status that is not known here, so that "
            "nobody can be said to be subscribed, or to have left. The line 'API: subscriptions' "
            "of check-connections names it: report it.",
            field="Status",
        )

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        return cls(
            recipient_id=told.id("idRecipient"),
            # Without it nobody could tell who is subscribed.
            status=told.needed("Status").strip().upper(),
            email=told.text("Email"),
            prefix=told.text("MobilePrefix"),
            number=told.text("MobileNumber"),
            optin_date=told.date("Optin_Date"),
            optout_date=told.date("Optout_Date"),
            optout_type=told.text("Optout_Type"),
            optout_subtype=told.text("Optout_Subtype"),
            optout_message_id=told.text("Optout_MsgId"),
        )


@dataclass(frozen=True)
class Recipient:
    """A recipient's keys; "" for the one that it does not have."""

    id: int
    email: str = field(repr=False)
    prefix: str = field(repr=False)
    number: str = field(repr=False)

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        told = Fields(value, call)
        return cls(
            id=told.id("idRecipient"),
            email=told.text("Email"),
            prefix=told.text("MobilePrefix"),
            number=told.text("MobileNumber"),
        )
