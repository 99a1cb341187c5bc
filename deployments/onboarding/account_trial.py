"""First contact with a MailUp account, in the order that risks least: ask, import ten, export them.

No ledger, no file server and no run of Prefect's: an account and a list made for it are enough.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from blocks.errors import ConfigurationError, MailUpUnavailable, SyncError
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget
from blocks.mailup.resources.models import ImportStatus, MailUpList, Optin
from tasks.checks.asking import codes
from tasks.checks.findings import Finding, Subject, finding_text
from tasks.checks.unknowns import settle
from tasks.exports.walk import Walk, WalkResult, walk_subscribed
from tasks.records.batching.payloads import array, recipient_objects
from tasks.records.frames import PEOPLE
from tasks.records.mapping.emails import plain
from tasks.reports.agreement import ExportAgreement
from tasks.reports.output import layouts
from tasks.reports.output.csv_writer import Renderer

MOST_ADDRESSES = 10
MOST_TRIAL_CALLS = 150
"""Calls that the questions of one step make at most."""
LISTS_LOOKED_AT = 5
DATES_DIFFER_SECONDS = 900.0

WELCOME = (
    "If list {list} has a welcome automation (a workflow or message for new subscribers), MailUp "
    "starts it for each of the {number} addresses: they get its mail, and whatever follows it, at "
    "the cost of the account's credits, and nothing can call that back. MailUp's API does not tell "
    "whether there is one: look at the list's automations in the console{messages}."
)
REMOVAL = (
    "To remove what was made: delete list {list} in MailUp's console; then look for the {number} "
    "addresses among all recipients of the account, and delete them there, for a deleted list "
    "leaves its people in the account. The import stays in MailUp's history of imports. The file "
    "of the export holds the addresses: delete it, too."
)


@dataclass(frozen=True)
class Trial:
    """A few addresses of one's own domain, and the empty list into which they go."""

    list_id: int
    domain: str
    addresses: tuple[str, ...]

    @classmethod
    def of(cls, list_id: int, domain: str, lines: Iterable[str]) -> "Trial":
        """From the lines of a file. ConfigurationError where they are not what is accepted."""
        found = tuple(dict.fromkeys(line.strip().lower() for line in lines if line.strip()))
        trial = cls(list_id, domain.strip().lower().lstrip("@"), found)
        for mistake in _mistakes(trial):
            raise ConfigurationError(mistake)
        return trial

    @property
    def target(self) -> ImportTarget:
        """The most harmless import: nobody's status changes, nobody is asked to confirm."""
        return ImportTarget(list_id=self.list_id)


def _mistakes(trial: Trial) -> Iterator[str]:
    number = len(trial.addresses)
    if not 1 <= number <= MOST_ADDRESSES:
        yield f"There are {number} addresses; give 1 to {MOST_ADDRESSES}, one on each line."
    wrong = number - int(plain(pl.Series(trial.addresses, dtype=pl.String)).sum())
    if wrong:
        yield f"{wrong} of the lines are no address; give one address on each line, nothing else."
    strange = sum(each.rpartition("@")[2] != trial.domain for each in trial.addresses)
    if strange:
        yield (
            f"{strange} of the addresses are not of the domain {trial.domain}; give addresses of "
            "people who know of this trial, all of the one domain that is yours."
        )


def ask(
    subject: Subject, client: MailUpClient, lists: Sequence[int], page_size: int
) -> Iterator[Finding]:
    """Step 1: everything that reading can tell, asked of the first list that has people in it."""
    chosen = tuple(lists) or tuple(each.id for each in client.lists()[:LISTS_LOOKED_AT])
    filled = [each for each in chosen if client.count_optins(each, "email")]
    chosen = (*filled, *(each for each in chosen if each not in filled))
    yield from settle(subject, client, chosen, page_size, MOST_TRIAL_CALLS, first=True)


def look(client: MailUpClient, trial: Trial) -> tuple[MailUpList, str]:
    """The list, and what its welcome automation would do. ConfigurationError where it is not there,
    where its name is that of another one, too, or where anybody is or was in it."""
    visible = client.lists()
    found = next((each for each in visible if each.id == trial.list_id), None)
    if found is None:
        raise ConfigurationError(
            f"The user does not see list {trial.list_id}; make an empty list for this in MailUp's "
            "console, give the user permission for it, and give its id."
        )
    if sum(each.name.strip() == found.name.strip() for each in visible) > 1 or not found.name:
        raise ConfigurationError(
            f"List {trial.list_id} has no name of its own; give it one in MailUp's console, so "
            "that typing it proves which list is meant."
        )
    require_empty(client, trial)
    number = sum(len(page) for page in client.messages(trial.list_id))
    messages = f"; it has {number} messages, one of which may be such a mail" if number else ""
    return found, WELCOME.format(list=trial.list_id, number=len(trial.addresses), messages=messages)


def require_empty(client: MailUpClient, trial: Trial) -> None:
    """ConfigurationError where anybody is in the list, in any state and on any channel."""
    there = any(
        client.count_optins(trial.list_id, channel) or any(client.optins(trial.list_id, channel))
        for channel in ("email", "sms")
    )
    if there or any(client.subscribed(trial.list_id, "email")):
        raise ConfigurationError(
            f"List {trial.list_id} is not empty; make a new list for this in MailUp's console: "
            "nothing is written to one in which anybody is, or was."
        )


def bring_in(
    subject: Subject, client: MailUpClient, trial: Trial, page_size: int, seconds: float
) -> Iterator[Finding]:
    """Step 2: import the addresses, once, and compare what MailUp tells with what was sent."""
    require_empty(client, trial)
    began = datetime.now(UTC)
    try:
        import_id = client.start_import(trial.target, _body(trial))
    except SyncError as error:
        yield _not_taken(subject, error)
        return
    yield subject.ok("import", "accepted with an id")
    status = client.wait_for_import(import_id, timeout_seconds=seconds)
    yield _counted(subject, trial, status)
    yield from _there(subject, client, trial, began)
    yield from settle(subject, client, (trial.list_id,), page_size, MOST_TRIAL_CALLS, first=True)


def _body(trial: Trial) -> bytes:
    rows = [("email", trial.list_id, address, None, None) for address in trial.addresses]
    return array(recipient_objects(pl.DataFrame(rows, schema=PEOPLE, orient="row")))


def _not_taken(subject: Subject, error: SyncError) -> Finding:
    unsure = isinstance(error, MailUpUnavailable) and error.context.get("maybe_accepted")
    remedy = (
        "Look in MailUp's console whether the import is there; it is not sent again."
        if unsure
        else "Nothing was written. Report the answer."
    )
    return subject.fix("import", finding_text(error), remedy)


def _counted(subject: Subject, trial: Trial, status: ImportStatus) -> Finding:
    number = len(trial.addresses)
    facts = (
        f"{number} sent: {status.created} created, {status.updated} updated, "
        f"{status.not_valid} not valid"
    )
    if status.valid == number and not status.not_valid:
        return subject.ok("counters", facts)
    return subject.fix(
        "counters",
        facts,
        "Compare with the import in MailUp's console before anything larger is sent; report both.",
    )


def _there(
    subject: Subject, client: MailUpClient, trial: Trial, began: datetime
) -> Iterator[Finding]:
    """Who is in the list now, in which state, and since when."""
    people = [each for page in client.optins(trial.list_id, "email") for each in page]
    came = {each.email.strip().lower() for each in people}
    others, missing = len(came - set(trial.addresses)), len(set(trial.addresses) - came)
    state = codes(each.status for each in people)
    facts = f"{len(people)} in the list, {missing} missing, {others} unknown; Status {state}"
    if missing or others or not all(each.opted_in for each in people):
        yield subject.fix(
            "people",
            facts,
            "Look at the list in MailUp's console: whether it asks for a confirmation, and who is "
            "in it. Import nothing larger before this is clear.",
        )
    else:
        yield subject.ok("people", facts)
    yield _dated(subject, people, began)


def _dated(subject: Subject, people: Sequence[Optin], began: datetime) -> Finding:
    """By how much MailUp's dates of this moment, taken for UTC, differ from it: its zone."""
    texts = sorted(each.optin_date for each in people if each.optin_date)
    try:
        moment = datetime.fromisoformat(texts[-1].removesuffix("Z").strip())
    except (IndexError, ValueError):
        return subject.note("API: zone of dates", "cannot be determined: no valid date")
    hours = round((moment.replace(tzinfo=UTC) - began).total_seconds() / DATES_DIFFER_SECONDS) / 4
    marked = "with" if texts[-1].endswith("Z") else "without"
    return subject.note(
        "API: zone of dates", f"settled: UTC{hours:+g} h at this moment, {marked} Z"
    )


def take_back(
    subject: Subject, client: MailUpClient, trial: Trial, folder: Path, zone: str
) -> Iterator[Finding]:
    """Step 3: export who is subscribed to the list, and compare it with what was imported."""
    agreement = ExportAgreement(
        client="first-contact",
        server="sftp-server/none",
        account="none",
        lists=[trial.list_id],
        mailup_zone=zone,
    )
    columns = layouts.SUBSCRIBED.columns()
    began, came, dates = datetime.now(UTC), [], []
    walk = Walk(
        client,
        agreement,
        WalkResult(folder / "rows"),
        began,
        (),
        frozenset(column.source for column in columns),
    )
    with Renderer(folder / "subscribed.csv", columns, agreement.format) as writer:
        for part in walk_subscribed(walk):
            for rows in part.slices():
                whole = walk.result.with_people(rows, part.kind)
                writer.write(whole)
                came += whole["email"].str.to_lowercase().to_list()
                dates += whole["at"].to_list()
        written = writer.close()
    yield _exported(subject, trial, came, written.rows)
    yield _in_zone(subject, dates, began, zone)


def _exported(subject: Subject, trial: Trial, came: Sequence[str], rows: int) -> Finding:
    facts = f"{rows} rows for {len(trial.addresses)} people"
    if sorted(came) == sorted(trial.addresses):
        return subject.ok("export", facts)
    return subject.fix("export", facts, "Report it: the file does not hold whom the list holds.")


def _in_zone(
    subject: Subject, dates: Sequence[datetime | None], began: datetime, zone: str
) -> Finding:
    """Whether the dates are those of this hour once they are read in the agreed zone."""
    known = [each.replace(tzinfo=UTC) for each in dates if each is not None]
    if not known:
        return subject.note("dates", "MailUp tells no dates", "Exports show when we saw it first.")
    off = max(abs((began - each).total_seconds()) for each in known)
    if off < DATES_DIFFER_SECONDS:
        return subject.ok("dates", f"right in {zone}")
    return subject.fix(
        "dates",
        f"off by {off / 3600:.1f} h, read in {zone}",
        "Set mailup_zone in the client's file to the zone that the account writes its dates in.",
    )
