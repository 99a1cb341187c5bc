"""Unproven behaviours of MailUp: one setting each, with its plausible values.

The control API (`/_sandbox/variants`), `--help` and the README are generated from this table. Each
setting can be changed by name, before the emulator starts or while it runs.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

# Evidence of a default, the strongest first: MailUp's documentation or repositories, a client in
# production use, another public client, a third party's schema made from MailUp's help pages;
# "open": our choice without evidence.
Evidence = Literal["documented", "production", "public client", "third party", "open"]
Value = str | int | bool


class Variant(NamedTuple):
    """One row of the table; the first of `values` is the default."""

    name: str
    values: tuple[Value, ...]
    evidence: Evidence
    source: str
    meaning: str

    @property
    def default(self) -> Value:
        """The best-proven behaviour."""
        return self.values[0]


def _variant(values: tuple[Value, ...], evidence: Evidence, source: str, meaning: str) -> Any:
    row = {"values": values, "evidence": evidence, "source": source, "meaning": meaning}
    return field(default=values[0], metadata=row)


@dataclass(kw_only=True)
class Variants:
    """A value for every variant; the names are those of the settings."""

    # fmt: off
    # Imports
    import_list: str = _variant(
        ("summary", "detail"), "third party",
        "mindcloud, list-imports and get-import; MailUp's type name of the single call",
        "An item of Imports: six fields with `Rows` as a number, or all of Imports/{id}.")
    import_list_order: str = _variant(
        ("oldest_first", "newest_first"), "open", "",
        "The order of Imports where a call names none.")
    import_file_name: str = _variant(
        ("empty", "filled", "null"), "open", "",
        "`Filename` of an import that came by API.")
    import_shown: str = _variant(
        ("at_once", "late_in_list", "late"), "open", "",
        "An accepted import is shown at once, or after `late_seconds`: in the list only, or in "
        "every call (404 until then).")
    total_at_once: bool = _variant(
        (True, False), "open", "",
        "The number of rows is known from the start, or only once the import is completed.")
    import_counters: str = _variant(
        ("at_end", "late"), "open", "",
        "Counters are there when the import is completed, or `late_seconds` after that.")
    import_status_codes: str = _variant(
        ("soap", "unknown", "missing"), "documented",
        "help.mailup.com WSMailUpImport.GetProcessDetails, for SOAP",
        "`StatusCode`: 1 to be executed, 2 in progress, 3 completed, 4 failed; or 100 more than "
        "that; or no such field.")
    failed_import: str = _variant(
        ("completed", "never_completed"), "open", "",
        "`Completed` of an import that failed.")
    concurrent_imports: str = _variant(
        ("queued", "refused", "allowed", "failed"), "open",
        "WSMailUpImport refuses (-601, -602); the console carries out one after another",
        "An import while another one is running waits, gets a 400, runs in parallel, or is "
        "accepted and fails.")
    import_refusal: str = _variant(
        ("sentence", "soap_code", "other_words", "500"), "open",
        "WSMailUpImport answers -601 or -602; nothing is known of REST",
        "The answer to a refused import (concurrent_imports=refused): 400 with a sentence, with "
        "SOAP's code, with words that do not mention an import, or 500.")
    import_groups: str = _variant(
        ("present", "empty", "missing"), "third party", "mindcloud, get-import",
        "IdGroups of Imports/{id}: the group of the import, always empty, or no such field.")
    import_flags: str = _variant(
        ("present", "missing"), "documented", "GetImportDetailsByIdImport",
        "The flags of Imports/{id} (ImportAsUnsubscribed, SendConfirmationEmail and the like).")
    second_key: str = _variant(
        ("refused", "overwritten", "refused_uncounted", "kept"), "documented",
        "help.mailup.com pageId=36348486, Recipients, version 35, Known restriction",
        "A known person with address and number, one of them different in the row: the row is "
        "refused and counted as not valid, refused without a count, taken without the "
        "difference (kept), or overwrites.")
    number_of_another: str = _variant(
        ("left_out", "refused", "matched"), "open",
        "Recipients Management: both keys are unique; matched by e-mail or mobile",
        "An unknown address with somebody else's number: taken without the number, refused, or "
        "taken as a row for the owner of the number.")
    number_subscribes: bool = _variant(
        (True, False), "open", "",
        "A number in an e-mail import is subscribed to the list's SMS channel, too.")
    sms_flags: str = _variant(
        ("honoured", "ignored", "refused"), "public client",
        "documented for SMS imports only; fazland sends ignoreMobile with e-mail imports",
        "clearMissingOrEmptyFields, removeFromPrevGroups and ignoreMobile in an e-mail import.")
    optin_of_pending: str = _variant(
        ("stays", "subscribed"), "documented",
        "WSMailUpImport.StartImportProcesses, FFTF and FFFT are flags apart",
        "What importType=asOptin does to people who were asked to confirm.")
    optout_of_pending: str = _variant(
        ("stays", "unsubscribed"), "documented",
        "WSMailUpImport.StartImportProcesses, FTFF and FTTF are flags apart",
        "What importType=asOptout does to people who were asked to confirm.")
    optout_of_unknown: str = _variant(
        ("unsubscribed", "left_out"), "open", "",
        "What importType=asOptout does to people who are not in the list.")
    group_subscribe: str = _variant(
        ("list_too", "group_only"), "documented",
        "help.mailup.com pageId=36349544; open2-newsletter and sysdat in production",
        "Group/{g}/Subscribe/{r} without confirmSubscription.")
    import_sending: str = _variant(
        ("idSending", "Id", "number"), "documented",
        "MailUp.Sdk 1.1.7, answer type of Import/{id}/Sending",
        "Import/{id}/Sending of a prepared confirmation: an object with that key, or the bare "
        "number.")
    no_import_sending: str = _variant(
        ("404", "empty", "null", "400"), "open", "",
        "Import/{id}/Sending if nothing is prepared (yet): an error, 200 without a body, or "
        "null.")
    queue_ids: str = _variant(
        ("Id", "idSending"), "production",
        "RegioneLombardia/Open20 and open2-events",
        "The key of an item of the sending queues, by which they can be sorted, too.")
    # Reading
    unknown_list: str = _variant(
        ("403", "404", "400"), "documented", "Authenticating with OAuth v2",
        "The status of a call for a list or group that the user cannot see.")
    unknown_sort: str = _variant(
        ("400", "500", "unsorted"), "documented",
        "Paging and filtering mentions an error with the property's name, no status",
        "The answer to a sort by a property that the items do not have.")
    filters: str = _variant(
        ("known", "documented", "ignored", "refused"), "documented",
        "Paging and filtering; MailUp.Sdk 1.1.7 (Trim, Equals); three clients (single =); "
        "pymailup and open2-newsletter (&)",
        "filterby in all known forms (==, =, .Equals, .Trim, .Contains, and, &&, &), in the "
        "documented ones only, ignored, or refused with 400; in the latter two, the look-up of "
        "recipients by email or mobile, too.")
    large_pages: str = _variant(
        ("answered", "capped", "shortened", "refused", "slow", "failing"), "public client",
        "sysdat asks for 1000; MailUpPZ went from 1000 to 600 after time-outs",
        "Pages above `page_size_cap` (50 if it is not set): complete unless it is set; smaller, "
        "with a PageSize that says so (capped) or not (shortened); 400; `slow_page_seconds`; 500.")
    past_the_end: str = _variant(
        ("empty", "refused", "last_page"), "public client",
        "pymailup walks until an empty page",
        "A page after the last one: no items, 400, or the last page again.")
    totals: str = _variant(
        ("present", "zero", "missing", "moving"), "documented",
        "Paging and filtering; the SMS report has 0",
        "TotalElementsCount of a page: correct, 0, no such field, or one more on every second "
        "page.")
    items_of_none: str = _variant(
        ("array", "null", "missing"), "public client",
        "mailupy guards against all of them",
        "`Items` of a page without any.")
    optin_statuses: str = _variant(
        ("upper_case", "words", "codes"), "public client",
        "OPTIN in mailupy's fixtures; codes 2, 3, 4 of Xmlchksubscriber",
        "Status of a subscription: OPTIN, OPTOUT, PENDING; Subscribed, Unsubscribed, Pending; "
        "or 2, 3, 4.")
    optout_types: str = _variant(
        ("known", "unknown", "missing"), "documented",
        "help.mailup.com pageId=57507955",
        "Optout_Type of a subscription: 0, 2, 4, 8, 16; 2561 for all; or null.")
    addresses: str = _variant(
        ("as_written", "lower_case"), "open", "",
        "An address as it was first imported, or in lower case.")
    prefixes: str = _variant(
        ("as_written", "plus", "zeros", "digits"), "public client",
        "documentation, MailUpPZ and mailupy show +39, 0039 and 39",
        "MobilePrefix as it was imported, or converted to one of these forms.")
    # Messages and statistics
    message_rows: str = _variant(
        ("dated", "undated"), "public client",
        "mailupy's fixture and the documentation of 2017; that of 2014 has three fields",
        "Items of List/{id}/Emails with CreationDate and ServiceType, or without.")
    message_tags: str = _variant(
        ("objects", "names", "missing"), "public client",
        "mailup-ruby",
        "Tags of a message: objects with a name, names, or no such field.")
    sending_ids: str = _variant(
        ("Id", "missing"), "production",
        "open2-newsletter sorts by Id; mindcloud, get-email-send-history",
        "The key of an item of SendHistory.")
    sending_end: str = _variant(
        ("year_1", "null", "missing"), "documented",
        "Email messages: 0001-01-01 means never",
        "EndDate of a sending that has not ended.")
    statistics_rows: str = _variant(
        ("listed", "without_count", "counted", "dated"), "production",
        "RegioneLombardia/Open20: Views and Bounces; the documentation: Clicks, UrlClicks",
        "Rows of statistics have the fields of the settings `view_fields` to "
        "`unsubscription_fields`; none has a Count; all have one; or all have a Date.")
    click_details: str = _variant(
        ("by_link", "each", "without_link", "empty", "missing"), "open",
        "the path is documented, its fields are not",
        "UrlClickDetails: a row per recipient and link, per click, per recipient, no rows, or "
        "404.")
    bounce_types: str = _variant(
        ("codes", "words", "missing"), "production",
        "RegioneLombardia/Open20: a text; which texts is open",
        "Type of a bounce: an SMTP code, Hard or Soft, or no such field.")
    statistics_counts: str = _variant(
        ("current", "late"), "open", "",
        "Count/... of the statistics as of now, or as of an hour ago.")
    sms_report: str = _variant(
        ("whole", "paged", "cut"), "documented",
        "Text messages - SMS: PageSize and TotalElementsCount 0",
        "ReportDetails without paging; in pages of 20; or only 20 items, without saying so.")
    sms_statuses: str = _variant(
        ("numbers", "words"), "documented",
        "Text messages - SMS: 0 delivered, 1 queued, 2 error",
        "Status of an SMS.")
    # Every answer
    numbers: str = _variant(
        ("plain", "text", "null_for_zero", "missing_for_zero"), "documented",
        "the samples of the documentation",
        "Numbers as numbers; as text; 0 as null; 0 omitted with its key.")
    booleans: str = _variant(
        ("plain", "text", "numbers"), "documented",
        "the samples of the documentation",
        "true and false, as text, or as 1 and 0.")
    empties: str = _variant(
        ("as_documented", "null", "missing", "text"), "public client",
        "mailupy's fixtures have both",
        'Empty texts and nulls as documented; all null; omitted with their keys; all "".')
    key_case: str = _variant(
        ("documented", "pascal", "lower"), "documented",
        "resources differ among themselves",
        "Keys as each resource is documented, with a capital first letter, or lower.")
    dates: str = _variant(
        ("documented", "universal", "zoneless", "iso", "ticks"), "documented",
        "Email messages, Accounts, mailupy's fixtures; MailUp.Sdk and Terrabec",
        "Dates as documented for each resource; all in .NET's \"u\" format; all without zone; "
        "ISO; /Date(milliseconds)/.")
    errors: str = _variant(
        ("status", "status_200", "without_body", "html"), "documented",
        "Authenticating with OAuth v2",
        "Errors other than 401 and 429: status and body; the body with status 200; the status "
        "without a body; an HTML page.")
    # Tokens and limits
    refresh_token: str = _variant(
        ("rotated", "reusable", "kept", "revoked"), "documented",
        "Authenticating with OAuth v2, later revision; older ones show the same value",
        "A refresh returns a new refresh token, and the old one becomes invalid, or stays valid; "
        "returns the same one; or is always refused.")
    logins: str = _variant(
        ("many", "newest_only"), "open", "",
        "Several access tokens are valid, or only the newest.")
    token_errors: str = _variant(
        ("oauth", "form", "console", "status_401", "empty"), "documented",
        "help.mailup.com pageId=36341777; djangomailup's fixture",
        "An error of the token endpoint: 400 with OAuth's JSON; the same as form text; MailUp's "
        "error body; with 401; 400 without a body.")
    token_life: str = _variant(
        ("present", "missing"), "documented",
        "Authenticating with OAuth v2",
        "expires_in of a token.")
    expired_token: str = _variant(
        ("401", "400"), "documented",
        "Authenticating with OAuth v2",
        "The status of a call whose access token has expired.")
    rate_limit: str = _variant(
        ("account", "user", "resource"), "documented",
        '"5 calls per second" in one place, "on a single API resource" in another',
        "Calls are counted per account, per user (each log-in), or per resource.")
    rate_limit_status: str = _variant(
        ("429", "403"), "documented",
        "REST API Updates: 429 since March 2018, 403 before",
        "The status of a call over the limit.")
    retry_after: str = _variant(
        ("absent", "seconds", "date"), "open",
        "no source mentions the header",
        "Retry-After of a call over the limit.")
    count_refused_calls: bool = _variant(
        (False, True), "open", "",
        "Whether calls over the limit are counted.")
    # fmt: on


TABLE: tuple[Variant, ...] = tuple(Variant(each.name, **each.metadata) for each in fields(Variants))
BY_NAME = {each.name: each for each in TABLE}


def check(name: str, value: object) -> None:
    """Raise ValueError if *value* is not a value of the variant *name*."""
    known = BY_NAME[name].values
    # 1 is not accepted for True.
    if not any(value == each and type(value) is type(each) for each in known):
        raise ValueError(f"{name} is one of {', '.join(map(str, known))}")
