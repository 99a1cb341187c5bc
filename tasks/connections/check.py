"""Check: one task per server, account, ledger and key of a client, without retries."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, WorkerStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError, SyncError
from blocks.errors.shown import in_markdown
from blocks.ledger.store import files_on_disk
from blocks.ledgers import Ledger
from blocks.loading import load
from blocks.servers import load_server
from tasks.checks.accounts import check_account
from tasks.checks.findings import (
    Asked,
    Finding,
    Subject,
    conclusion,
    findings_table,
    no_block,
    to_fix,
)
from tasks.checks.ledgers import check_ledger, check_permissions, check_room
from tasks.checks.needs import AccountNeeds, ServerNeeds
from tasks.checks.reaching import Endpoint
from tasks.checks.servers import check_server
from tasks.checks.unknowns import settle
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import scratch_parent

MOST_CALLS = 40
"""Maximum number of calls per account."""


@retried_task("check server", "check {needs.reference}", retries=0)
def check_one_server(needs: ServerNeeds, scratch: Path) -> Asked:
    """Check a file server: connection, log-in, listing, and writing to target folders."""
    try:
        block = load_server(needs.reference)
    except ConfigurationError as error:
        return Asked((no_block(needs.reference, error),))
    endpoint = Endpoint(
        block.address, block.connect_timeout_seconds, block.connect, protocol=block.protocol
    )
    return Asked(tuple(check_server(endpoint, needs, scratch)))


@retried_task("check account", "check mailup-account/{needs.name}", retries=0)
def check_one_account(needs: AccountNeeds) -> Asked:
    """Check a MailUp account: log-in, lists, groups, fields, and open questions of the API."""
    subject = Subject(f"mailup-account/{needs.name}")
    try:
        account = load(MailUpAccount, needs.name)
    except ConfigurationError as error:
        return Asked((no_block(subject.name, error),))
    findings = [_rate_limit(subject, account)]
    with account.connect(patient=False) as client:
        findings += check_account(subject, client, needs, datetime.now(UTC))
        if not to_fix(each for each in findings if each.check == "log-in"):
            left = MOST_CALLS - client.calls
            findings += settle(subject, client, needs.lists, account.page_size, left)
        return Asked(tuple(findings), client.calls)


@retried_task("check ledger", "check ledger/{name}", retries=0)
def check_one_ledger(name: str, pools: Sequence[str]) -> Asked:
    """Check a ledger: database, storage, and whether SQLite is used by several machines."""
    subject = Subject(f"ledger/{name}")
    try:
        ledger = load(Ledger, name)
    except ConfigurationError as error:
        return Asked((no_block(subject.name, error),))
    findings = [
        *check_ledger(
            subject, lambda: ledger.open(read_only=True), ledger.open, ledger.open_storage
        )
    ]
    url = ledger.url.get_secret_value()
    findings += subject.tried(
        "permissions",
        "Correct url or storage on the ledger block.",
        lambda: [check_permissions(subject, files_on_disk(url), ledger.open_storage())],
    )
    if url.startswith("sqlite"):
        findings += _sqlite(subject, pools)
    if "://" not in ledger.storage:
        findings.append(check_room(subject, "room", Path(ledger.storage).expanduser()))
    return Asked(tuple(findings))


@retried_task("check workers", "check workers", retries=0)
def check_workers(pools: Sequence[str]) -> Asked:
    """Check the work pools, and the free disk space on this machine."""
    room = check_room(Subject("this worker"), "scratch folder", scratch_parent())
    return Asked((*map(_pool, pools), room))


def found(subject: str, state: State[Asked]) -> Asked:
    """The findings of a check task; a failed task gives a finding, too."""
    result: Any = state.result(raise_on_failure=False)
    if isinstance(result, Asked):
        return result
    text = str(result) if isinstance(result, SyncError) else type(result).__name__
    failed = Subject(subject).fix(
        "check",
        f"the check itself failed: {text}",
        "Read the log of its task run, and report it.",
    )
    return Asked((failed,))


def report_findings(client: str, findings: Sequence[Finding], calls: int) -> State[list[Finding]]:
    """Report all findings; Failed if something has to be fixed."""
    logger = get_run_logger()
    for each in findings:
        if each.verdict == "fix":
            logger.warning("%s, %s: %s -> %s", each.subject, each.check, each.text, each.remedy)
    sentence = conclusion(findings)
    create_markdown_artifact(
        key=f"{client}-check-connections",
        markdown=findings_table(findings, calls),
        description=in_markdown(sentence),
    )
    state = Failed if to_fix(findings) else Completed
    return state(message=sentence, data=list(findings))


def _rate_limit(subject: Subject, account: MailUpAccount) -> Finding:
    """Whether Prefect has the rate limit shared by all runs of the account."""
    with get_client(sync_client=True) as api:
        try:
            limit = api.read_global_concurrency_limit_by_name(account.rate_limit_name)
        except ObjectNotFound:
            return subject.note("pace", "Prefect has no rate limit yet; this run creates it")
    if not limit.active:
        return subject.fix(
            "pace",
            f"Prefect's rate limit {limit.name} is inactive, so runs may exceed MailUp's limit",
            "Activate it in Prefect (Concurrency).",
        )
    return subject.ok("pace", f"Prefect's rate limit {limit.name} is active")


def _sqlite(subject: Subject, pools: Sequence[str]) -> list[Finding]:
    """SQLite is for one machine; workers do not report theirs, so several give a note."""
    online = sum(_online(pool) or 0 for pool in pools)
    if online < 2:
        return []
    return [
        subject.note(
            "database",
            f"it is SQLite, and {online} workers are online",
            "If they run on different machines, move the ledger to PostgreSQL: otherwise each has "
            "its own ledger, and files are imported twice.",
        )
    ]


def _pool(name: str) -> Finding:
    subject, online = Subject(f"work pool {name}"), _online(name)
    if online is None:
        return subject.fix(
            "workers",
            "the work pool does not exist",
            f"Create it, for example: prefect work-pool create {name} --type process",
        )
    if not online:
        return subject.note(
            "workers",
            "no worker is online, so runs will be late",
            f"Start one: prefect worker start --pool {name}",
        )
    return subject.ok("workers", f"{online} online")


def _online(pool: str) -> int | None:
    """Number of online workers of a work pool; None if the pool does not exist."""
    with get_client(sync_client=True) as api:
        try:
            api.read_work_pool(pool)
        except ObjectNotFound:
            return None
        workers = api.read_workers_for_work_pool(pool)
    return sum(worker.status == WorkerStatus.ONLINE for worker in workers)
