"""Frozen records of MailUp's resources, read from its JSON."""

from dataclasses import dataclass, field
from typing import Self

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.http.answers import whole_number
from blocks.mailup.pages.objects import Fields

# The codes are those of MailUp's page that shows the status of one address.
OPTED_IN = frozenset({"OPTIN", "OPT-IN", "SUBSCRIBED", "2"})
OPTED_OUT = frozenset({"OPTOUT", "OPT-OUT", "UNSUBSCRIBED", "3"})
PENDING = frozenset({"PENDING", "OPTPENDING", "WAITING", "4"})
IMPORT_ENDED = frozenset({3, 4})
"""Status codes of an import that was completed or has failed."""


@dataclass(frozen=True)
class AccountInfo:
    """The account of the log-in. *expires* is MailUp's text (`2016-12-09 00:00:00.000`), "" for
    never."""

    username: str
    version: str
    is_trial: bool
    expires: str

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        return cls(
            username=fields.text("Username"),
            version=fields.text("Version"),
            is_trial=bool(fields.flag("IsTrial")),
            expires=fields.date("ExpiryDate"),
        )


@dataclass(frozen=True)
class MailUpList:
    """A list that the user may see."""

    id: int
    name: str

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        return cls(id=fields.id("IdList"), name=fields.text("Name"))


@dataclass(frozen=True)
class Group:
    """A group of one list. Names are not unique at MailUp."""

    id: int
    name: str
    list_id: int

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        return cls(
            id=fields.id("idGroup"),
            name=fields.text("Name"),
            list_id=fields.id("idList"),
        )


@dataclass(frozen=True)
class DynamicField:
    """A personal-data field, shared by all lists; *id* is 1 to 39, the name is the client's."""

    id: int
    name: str

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        return cls(id=fields.id("Id"), name=fields.text("Description"))


@dataclass(frozen=True)
class ImportStatus:
    """Counters of an import, in recipients. MailUp gives no reasons and no rows."""

    id: int
    completed: bool
    created: int
    imported: int
    not_valid: int
    updated: int
    valid: int

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        if not fields.has("Completed"):
            raise fields.unusable("does not say whether it is completed", ("Completed",))
        return cls(
            id=fields.id("idImport"),
            completed=fields.flag("Completed") is True,
            created=fields.count("CreatedRecipients"),
            imported=fields.count("ImportedRecipients"),
            not_valid=fields.count("NotValidRecipients"),
            updated=fields.count("UpdatedRecipients"),
            valid=fields.count("ValidRecipients"),
        )


@dataclass(frozen=True)
class ImportDetail:
    """One import of the account's history.

    The list of imports may have fewer fields than the detail. *started* and *ended* are MailUp's
    texts, "" if there is none. Missing fields are None, or 0 for *list_id* and counts.
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
        """Whether MailUp says that the import has ended, successfully or not."""
        return bool(self.ended) or self.status_code in IMPORT_ENDED

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        # The list of imports has a bare number.
        rows = fields.inner("Rows", number="Total")
        valid, invalid = rows.inner("Valid", number="Total"), rows.inner("Invalid", number="Total")
        return cls(
            id=fields.id("IdImport"),
            list_id=fields.count("IdList"),
            group_ids=fields.ids("IdGroups"),
            started=fields.date("StartDate"),
            ended=fields.date("EndDate"),
            status_code=fields.code("StatusCode"),
            rows_total=rows.count("Total"),
            rows_invalid=invalid.count("Total"),
            repeated=valid.count("RepeatedEmail") + valid.count("RepeatedNumber"),
            created=valid.count("EmailNew") + valid.count("NumberNew"),
            updated=valid.count("EmailUpdate") + valid.count("NumberUpdate"),
            as_unsubscribed=fields.flag("ImportAsUnsubscribed"),
            sends_confirmation=fields.flag("SendConfirmationEmail"),
            replaces_groups=fields.flag("ReplaceExistingGroup"),
        )


def id_of_import(value: object) -> int:
    """The id of an import; `MailUpUnavailable` if it is not a positive number."""
    found = whole_number(value, "Import")
    if found <= 0:
        raise MailUpUnavailable("Import: MailUp's answer has an invalid id.")
    return found


@dataclass(frozen=True)
class Optin:
    """The subscription of one recipient to one list on one channel.

    Dates are MailUp's texts (`2020-01-27 10:38:00.000`, zone unknown), "" if there is none.
    *optout_type* is MailUp's code as text, "" if unknown.
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
        """Whether the status is a known spelling of "subscribed"."""
        return self.status in OPTED_IN

    @property
    def pending(self) -> bool:
        """Whether the recipient was asked to confirm and has not done so yet."""
        return self.status in PENDING

    @property
    def opted_out(self) -> bool:
        """Whether the recipient has unsubscribed; `MailUpRefused` for an unknown status, because
        guessing is not safe."""
        if self.opted_in or self.pending or self.status in OPTED_OUT:
            return self.status in OPTED_OUT
        raise MailUpRefused(
            "Subscription, field Status: MailUp returned an unknown status, so it is unknown who "
            "is subscribed and who is not. The line 'API: subscriptions' of check-connections "
            "shows it: report it.",
            field="Status",
        )

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        return cls(
            recipient_id=fields.id("idRecipient"),
            # Required: it says who is subscribed.
            status=fields.required_text("Status").strip().upper(),
            email=fields.text("Email"),
            prefix=fields.text("MobilePrefix"),
            number=fields.text("MobileNumber"),
            optin_date=fields.date("Optin_Date"),
            optout_date=fields.date("Optout_Date"),
            optout_type=fields.text("Optout_Type"),
            optout_subtype=fields.text("Optout_Subtype"),
            optout_message_id=fields.text("Optout_MsgId"),
        )


@dataclass(frozen=True)
class Recipient:
    """A recipient's keys; "" for a missing one."""

    id: int
    email: str = field(repr=False)
    prefix: str = field(repr=False)
    number: str = field(repr=False)

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        return cls(
            id=fields.id("idRecipient"),
            email=fields.text("Email"),
            prefix=fields.text("MobilePrefix"),
            number=fields.text("MobileNumber"),
        )
