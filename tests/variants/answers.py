"""What the product does about each unproven behaviour of MailUp, by the emulator's names.

`check` is the line of a first contact (docs/first-contact.md) that shows how a real account
behaves, without writing.
"""

from typing import NamedTuple


class Answer(NamedTuple):
    """What the product does; `check` is empty if reading cannot show the behaviour."""

    done: str
    check: str = ""


ANSWERS: dict[str, Answer] = {
    # Imports
    "import_list": Answer(
        "Both formats are read: from the list only ids, lists and the number of rows, if there is "
        "one; everything else from the single call.",
        "API: imports, API: one import",
    ),
    "import_list_order": Answer(
        "Descending order is requested; if it is not honoured, the whole list is read.",
        "API: imports without order",
    ),
    "import_file_name": Answer(
        "A file name proves nothing, neither that an import is ours nor that it is not.",
        "API: imports, after step 2",
    ),
    "import_shown": Answer(
        "After a lost answer the import is looked up after a pause; not finding it proves "
        "nothing: an idempotent batch is sent again, for others the recipients are looked up.",
    ),
    "total_at_once": Answer(
        "The rows of an import are compared only after it has counted them.",
    ),
    "import_counters": Answer(
        "Counters that do not add up are compared with the import's detail; a remaining "
        "difference holds the file, and the message names the import to check.",
    ),
    "import_status_codes": Answer(
        "`Completed` of the counters decides; the code alone decides nothing.", "API: imports"
    ),
    "failed_import": Answer(
        "An import that ends without its rows holds the file; one that never ends stops the run "
        "after `import_timeout_seconds`, and the next run waits for the same import.",
    ),
    "concurrent_imports": Answer(
        "One import of an account at a time (`imports_at_once`); if MailUp refuses because of "
        "another one, it is retried until it is accepted.",
    ),
    "import_refusal": Answer(
        "Known messages about another import are retried until the import is accepted; others "
        "stop the run, and the next one sends the batch.",
    ),
    "import_groups": Answer(
        "A missing group is not a different group: missing fields exclude nothing.",
        "API: one import",
    ),
    "import_flags": Answer(
        "A missing flag is not a different flag: missing fields exclude nothing.",
        "API: one import",
    ),
    "second_key": Answer(
        "No number is given to another person; a person whose number or address differs from "
        "MailUp's is counted and listed, or reported as rejected.",
    ),
    "number_of_another": Answer(
        "As above: the owner keeps the number; rows that MailUp rejects are counted and looked "
        "up.",
    ),
    "number_subscribes": Answer(
        "Nothing depends on it: the SMS channel is only written if the agreement's key is the "
        "number.",
        "API: SMS subscriptions, after step 2",
    ),
    "sms_flags": Answer(
        "Sent only if agreed. If MailUp refuses them, the run stops with the name of the call; if "
        "it ignores them, that cannot be detected.",
    ),
    "optin_of_pending": Answer(
        "People who were asked to confirm are never in an opt-in batch.",
    ),
    "optout_of_pending": Answer("Both results are no subscription.",),
    "optout_of_unknown": Answer("Both results are no subscription.",),
    "group_subscribe": Answer("The call is not used: groups are filled by imports.",),
    "import_sending": Answer("An object with either key, and a bare number, are read.",),
    "no_import_sending": Answer(
        "If nothing is prepared, nothing is sent; the confirmation is looked up again.",
        "API: import without confirmation",
    ),
    "queue_ids": Answer(
        "Both keys are read, and used for sorting; a sending that is not found is not sent again.",
        "API: queues",
    ),
    # Reading
    "unknown_sort": Answer(
        "If the first page is refused, or fails, it is requested again without an order.",
        "API: unknown sort",
    ),
    "filters": Answer(
        "Filters only save calls: if they are refused, or an answer has people who were not asked "
        "for, lists are read completely.",
        "API: filterby, API: filter grammar",
    ),
    "large_pages": Answer(
        "The page size is reduced after a time-out; a limit is detected, whether it is reported or "
        "not. `page_size` on the account's block is the first size requested.",
        "API: largest page",
    ),
    "past_the_end": Answer(
        "A walk ends at its total, if there is one; otherwise at a page without items, requested "
        "twice, or at any other answer if smaller pages show that nothing follows.",
        "API: page after the last",
    ),
    "totals": Answer(
        "A walk does not depend on the total: it is complete, or an error.", "API: pages"
    ),
    "items_of_none": Answer(
        "A page without items is the end only if the answer says that there are none, or after the "
        "last page, as above.",
        "API: page after the last",
    ),
    "optin_statuses": Answer(
        "Known spellings are read; any other means not subscribed, and is reported by "
        "check-connections.",
        "API: subscriptions",
    ),
    "optout_types": Answer(
        "An unknown code is no cause: the person has left, and no grant subscribes them again.",
        "API: subscriptions",
    ),
    "addresses": Answer("Addresses are compared without letter case."),
    "prefixes": Answer(
        "Numbers are compared as digits with their country code.",
        "API: SMS subscriptions",
    ),
    # Messages and statistics
    "message_rows": Answer(
        "Only ids are needed; the date of a message is that of its sendings.", "API: messages"
    ),
    "message_tags": Answer(
        "All three are read; without tags the column Campaign Tags is empty.", "API: one message"
    ),
    "sending_ids": Answer(
        "Read if present; otherwise the column idInvio is empty.", "API: sendings"
    ),
    "sending_end": Answer("All three mean that the sending has not ended.", "API: sendings"),
    "statistics_rows": Answer(
        "A row without a count is one event; dates are used if present, otherwise the time at "
        "which the event was first seen (see exports).",
        "API: Views, API: Bounces, API: UrlClickDetails, API: Unsubscriptions",
    ),
    "click_details": Answer(
        "Clicks by link if MailUp has them, otherwise without link, which the run notes.",
        "API: UrlClickDetails",
    ),
    "bounce_types": Answer("Exported unchanged.", "API: Bounces"),
    "statistics_counts": Answer(
        "A count is only used to see whether statistics are still kept.",
        "API: counts of a message",
    ),
    "sms_report": Answer(
        "Requested without paging; if it looks like the first of several pages, all are read.",
        "API: SMS",
    ),
    "sms_statuses": Answer(
        "Numbers are named; a text is exported unchanged.", "API: SMS"
    ),
    # Every answer
    "numbers": Answer("All four are read; a missing id is an error.", "API: kinds of values"),
    "booleans": Answer("All three are read.", "API: groups"),
    "empties": Answer("Empty text, null and a missing key are the same.", "API: kinds of values"),
    "key_case": Answer("Keys are read in any letter case.", "API: subscriptions"),
    "dates": Answer(
        "A text with Z is UTC; one without is in `mailup_zone` where MailUp documents local time; "
        "any other stops the export until `mailup_zone` is set, and counts as late as possible for "
        "the day of a grant. An invalid date is ignored.",
        "API: forms of dates",
    ),
    "errors": Answer(
        "An error is detected whatever its status: an error with status 200 is not taken for an "
        "empty page.",
        "API: unknown ids",
    ),
    "unknown_list": Answer(
        "Lists are first compared with those that the user may see.",
        "API: unknown ids",
    ),
    # Tokens and limits
    "refresh_token": Answer(
        "A new refresh token is stored before the access token is used; if a refresh is refused, "
        "the password is used once.",
    ),
    "logins": Answer("A refused access token is renewed once."),
    "token_errors": Answer(
        "Any refusal ends the run with what to correct; a log-in is not retried."
    ),
    "token_life": Answer(
        "Without expires_in a token is renewed after 15 minutes.", "API: life of a token"
    ),
    "expired_token": Answer(
        "Any refusal that may mean the token renews it once; if it gives no error text, another "
        "call is made first to check the token. Then the call is retried; one that changes "
        "something only if MailUp says that it refused the token, otherwise its result is looked "
        "up first."
    ),
    "rate_limit": Answer(
        "All runs of an account share one limit, below MailUp's (`calls_per_second`)."
    ),
    "rate_limit_status": Answer(
        "Both are retried, for a minute at most. A 403 is the rate limit if its error text says "
        "`too_many_requests` or too many requests. Without an error text it may be: then a call "
        "that only reads is retried in the same way and finally reported as a missing permission; "
        "one that changes something is not retried, its result is looked up first. With any other "
        "text a 403 is a missing permission, or terms of service that are not accepted, and is "
        "reported at once."
    ),
    "retry_after": Answer("Not used: each wait is longer than the previous one."),
    "count_refused_calls": Answer("Waits grow, so that refused calls do not prolong the limit."),
}  # fmt: skip
