"""Questions that MailUp's documentation leaves open and that can be answered read-only.

Each gives one note: "settled: ...", or why it cannot be determined. Notes contain only names of
fields and codes. What only a writing call could show stays open.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from blocks.errors import SyncError
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.wire import NoCallsLeft
from tasks.checks import first_questions, list_questions, message_questions
from tasks.checks.asking import About, Asking
from tasks.checks.findings import Finding, Subject, finding_text

LEFT_OPEN = (
    "how many imports run at once, the values of importType, what MailUp does with omitted fields, "
    "the scope of its rate limit: only a writing call would show. The safe assumption is used: one "
    "import at a time, no forced status, one limit per account"
)


def settle(
    subject: Subject,
    client: MailUpClient,
    lists: Sequence[int],
    page_size: int,
    calls: int,
    *,
    first: bool = False,
) -> Iterator[Finding]:
    """Answer the questions for the first of `lists` with at most `calls` calls, and check the
    configured page size. At the `first` contact with an account there are more questions."""
    if not lists:
        return
    about = About(subject, Asking(client, calls), lists[0])
    people = list_questions.ListedPeople()
    yield from _asked(about, "largest page", lambda: people.page(about, page_size))
    life = client.token_life_seconds
    yield about.settled("life of a token", "unknown" if life is None else f"{life:.0f} s")
    for name, question in (
        ("subscriptions", lambda: list_questions.subscriptions(about, people)),
        ("orderby", lambda: list_questions.order(about, people)),
        ("filterby", lambda: list_questions.filters(about, people)),
        ("one recipient", lambda: list_questions.recipient(about, people)),
        ("zone of a list", lambda: list_questions.zone(about)),
        ("imports", lambda: list_questions.imports(about)),
        ("messages", lambda: message_questions.ask_about_messages(about)),
        ("SMS", lambda: message_questions.sms(about, lists)),
        *(first_questions.first_questions(about, people) if first else ()),
    ):
        yield from _asked(about, name, question)
    yield about.open("the rest", LEFT_OPEN)


def _asked(about: About, what: str, question: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The answers to one question; an error is an answer, too."""
    try:
        yield from question()
    except NoCallsLeft:
        yield about.open(what, "the calls of this check are used up")
    except SyncError as error:
        yield about.open(what, finding_text(error))
