"""What is done about each thing that nobody has proved about MailUp, and who could tell.

By the names of the emulator's table: what the product does, whatever MailUp does; and which line
of a first contact (docs/first-contact.md) tells how a real account behaves, without writing.
"""

from typing import NamedTuple


class Answer(NamedTuple):
    """What we do, and what tells; `tells` is empty where reading cannot tell."""

    done: str
    tells: str = ""


ANSWERS: dict[str, Answer] = {
    # Imports
    "import_list": Answer(
        "Both shapes are read: of the list only ids, lists and a number of rows, where there is "
        "one; whatever else counts comes from the single call.",
        "API: imports, API: one import",
    ),
    "import_list_order": Answer(
        "A falling order is asked for; where it is not honoured, the list is walked to its end.",
        "API: imports without order",
    ),
    "import_file_name": Answer(
        "A file name proves nothing, neither that an import is ours nor that it is not.",
        "API: imports, after step 2",
    ),
    "import_shown": Answer(
        "A lost answer is looked up after a pause; what is not found there is not taken for "
        "certain: a plain batch is sent again, anything else is looked for among the people.",
    ),
    "total_at_once": Answer(
        "An import that has not counted its rows is waited for before its rows are compared.",
    ),
    "import_counters": Answer(
        "Counters that do not add up are compared with the single import's rows; what still "
        "differs holds the file, and the sentence says which import to look at.",
    ),
    "import_status_codes": Answer(
        "`Completed` of the counters decides; the code decides nothing alone.", "API: imports"
    ),
    "failed_import": Answer(
        "An import that ends without its rows holds the file; one that never ends stops the run "
        "after `import_timeout_seconds`, and the next run waits for the same import.",
    ),
    "concurrent_imports": Answer(
        "One import of an account at a time (`imports_at_once`); where MailUp refuses because of "
        "somebody else's, it is tried again until it is taken.",
    ),
    "import_refusal": Answer(
        "What is known to mean another import is tried again until it is taken; other words stop "
        "the run, and the next one sends the batch.",
    ),
    "import_groups": Answer(
        "No group is not another group: what is not told rules nothing out.", "API: one import"
    ),
    "import_flags": Answer(
        "No flag is not another kind: what is not told rules nothing out.", "API: one import"
    ),
    "second_key": Answer(
        "No number is attached to another person; a person whose number or address differs from "
        "MailUp's is counted and listed, or told as refused.",
    ),
    "number_of_another": Answer(
        "As above: the owner keeps the number; what MailUp does not take is counted and looked "
        "for.",
    ),
    "number_subscribes": Answer(
        "Nothing rests on it: the SMS channel is written only where the agreement has numbers as "
        "its key.",
        "API: SMS subscriptions, after step 2",
    ),
    "sms_flags": Answer(
        "Sent only where agreed. What MailUp refuses stops the run with the name of the call; "
        "what it passes over cannot be seen.",
    ),
    "optin_of_pending": Answer(
        "People who were asked to confirm are never in an opt-in batch.",
    ),
    "optout_of_pending": Answer("Either end is no subscription.",),
    "optout_of_unknown": Answer("Either end is no subscription.",),
    "group_subscribe": Answer("The call is not used: people enter groups by imports.",),
    "import_sending": Answer("An object with either key, or a bare number, is an id.",),
    "no_import_sending": Answer(
        "Nothing prepared is nothing to send; the confirmation is looked for again.",
        "API: import without confirmation",
    ),
    "queue_ids": Answer(
        "Either key is read, and sorted by; a sending that is not found is not sent again.",
        "API: queues",
    ),
    # Reading
    "unknown_sort": Answer(
        "A walk whose first page is refused, or fails, is asked once more without an order.",
        "API: unknown sort",
    ),
    "filters": Answer(
        "Filters only save calls: where they are refused or passed over, lists are walked.",
        "API: filterby, API: filter grammar",
    ),
    "large_pages": Answer(
        "Pages shrink when they time out; a cap is noticed, whether it is told or not. "
        "`page_size` on the account's block is the size that is asked for first.",
        "API: largest page",
    ),
    "past_the_end": Answer(
        "A walk ends by its total where there is one; else by a page without items, asked for "
        "twice, or by any other answer where smaller pages show that nothing is behind the last.",
        "API: page behind the last",
    ),
    "totals": Answer(
        "A walk does not rest on the total: it is complete, or an error.", "API: pages"
    ),
    "items_of_none": Answer(
        "No items are an end only where the answer says that there are none, or behind the last "
        "page, as above.",
        "API: page behind the last",
    ),
    "optin_statuses": Answer(
        "Spellings that are known are read; any other is not subscribed, and told as such by "
        "check-connections.",
        "API: subscriptions",
    ),
    "optout_types": Answer(
        "A code that is not known is no cause: such a person left, and no grant brings them back.",
        "API: subscriptions",
    ),
    "addresses": Answer("Addresses are compared without regard to letter case."),
    "prefixes": Answer(
        "Numbers are compared as digits with their country, however they are written.",
        "API: SMS subscriptions",
    ),
    # Messages and statistics
    "message_rows": Answer(
        "Only ids are needed; the day of a message is that of its sendings.", "API: messages"
    ),
    "message_tags": Answer(
        "All three are read; without tags the column Campaign Tags is empty.", "API: one message"
    ),
    "sending_ids": Answer(
        "Read where it is there; the column idInvio is empty where it is not.", "API: sendings"
    ),
    "sending_end": Answer("All three mean that the sending goes on.", "API: sendings"),
    "statistics_rows": Answer(
        "A row without a count is one event; dates are taken where there are any, else the moment "
        "at which the event was seen first (see exports).",
        "API: Views, API: Bounces, API: UrlClickDetails, API: Unsubscriptions",
    ),
    "click_details": Answer(
        "Clicks by link where MailUp has them, else without link, which is noted in the run.",
        "API: UrlClickDetails",
    ),
    "bounce_types": Answer("Shown as it comes.", "API: Bounces"),
    "statistics_counts": Answer(
        "A count only tells whether statistics are still kept.", "API: counts of a message"
    ),
    "sms_report": Answer(
        "Asked for whole; what looks like the first of several pages is walked.", "API: SMS"
    ),
    "sms_statuses": Answer(
        "Numbers are named; a text is shown as it comes.", "API: SMS"
    ),
    # Every answer
    "numbers": Answer("All four are read; a missing id is an error.", "API: kinds of values"),
    "booleans": Answer("All three are read.", "API: groups"),
    "empties": Answer("An empty text, null and no key are the same.", "API: kinds of values"),
    "key_case": Answer("Keys are read in any letter case.", "API: subscriptions"),
    "dates": Answer(
        "A text with Z is UTC; one without is read in `mailup_zone` where MailUp documents local "
        "time; any other stops the export until `mailup_zone` is set, and counts as late as can be "
        "where a grant asks for a day. What is no date is none.",
        "API: forms of dates",
    ),
    "errors": Answer(
        "An error is one whatever its status: an answer with status 200 that is none is not "
        "taken for an empty page.",
        "API: unknown ids",
    ),
    "unknown_list": Answer(
        "Lists are compared with those that the user may see before anything is asked of them.",
        "API: unknown ids",
    ),
    # Tokens and limits
    "refresh_token": Answer(
        "A new refresh token is stored before the access token is used; where a refresh is "
        "refused, the password is used, once.",
    ),
    "logins": Answer("A refused access token is renewed, once."),
    "token_errors": Answer(
        "Any refusal ends the run with what to correct; a log-in is not tried twice."
    ),
    "token_life": Answer(
        "Without expires_in a token is renewed after 15 minutes.", "API: life of a token"
    ),
    "expired_token": Answer(
        "Any refusal that may mean the token renews it, once; where it says nothing readable, "
        "another call tells first whether it is the token. The call is repeated then; one that "
        "changes something only where MailUp says that it refused the token, else what it did is "
        "looked for first."
    ),
    "rate_limit": Answer(
        "All runs of an account share one limit, below MailUp's (`calls_per_second`)."
    ),
    "rate_limit_status": Answer("Either is waited out, for a minute at most."),
    "retry_after": Answer("Not relied on: each wait is longer than the one before."),
    "count_refused_calls": Answer("Waits grow, so that refused calls do not keep the limit up."),
}  # fmt: skip
