"""Check connections: checks everything that a client needs, read-only, and reports what to fix.

Needs the blocks that the client's agreements name. Before the client is deployed, from its file:
`mailup-exchange connections acme`.
"""

from collections.abc import Iterator, Sequence

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.checks.findings import Asked, Finding
from tasks.checks.needs import (
    AnyAgreement,
    account_needs,
    decryption_keys,
    encryptions,
    ground_findings,
    ledgers,
    server_needs,
)
from tasks.connections.check import (
    check_one_account,
    check_one_ledger,
    check_one_server,
    check_workers,
    found,
    report_findings,
)
from tasks.connections.check_keys import check_decryption, check_encryption
from tasks.connections.deployed_agreements import agreed
from tasks.runs.scratch import scratch_folder


@flow(name="check-connections", flow_run_name="{client}")
def check_connections(client: str, file: str = "") -> State[list[Finding]]:
    """
    Check everything that a client's deployments need, and report what to fix.

    Args:
        client: Short name of the client; its deployments are those with the tag client:NAME.
        file: Path of a Prefect file, such as deployments/acme.yaml, to check a client that is not
            deployed; empty for the deployed agreements.
    """
    known = agreed(client, file)
    said = (*known.findings, *ground_findings(known.agreements))
    checked = [Asked(said), *_checked(known.agreements, known.pools)]
    findings = [finding for each in checked for finding in each.findings]
    return report_findings(client, findings, sum(each.calls for each in checked))


def _checked(agreements: Sequence[AnyAgreement], pools: Sequence[str]) -> Iterator[Asked]:
    """Check each server, key, account and ledger that the agreements name."""
    with scratch_folder() as scratch:
        for server in server_needs(agreements):
            yield found(server.reference, check_one_server(server, scratch, return_state=True))
        for key in decryption_keys(agreements):
            yield found(f"gpg-key/{key}", check_decryption(key, scratch, return_state=True))
        for packing in encryptions(agreements):
            name = f"gpg-recipient/{packing.encrypt_for}"
            yield found(name, check_encryption(packing, scratch, return_state=True))
    for account in account_needs(agreements):
        name = f"mailup-account/{account.name}"
        yield found(name, check_one_account(account, return_state=True))
    for ledger in ledgers(agreements):
        yield found(f"ledger/{ledger}", check_one_ledger(ledger, pools, return_state=True))
    yield found("workers", check_workers(pools, return_state=True))
