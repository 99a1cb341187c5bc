"""The first contact with a MailUp account.

MailUp is asked whatever reading can tell, and nothing is changed. If wanted, up to ten addresses of
one's own domain are then imported into an empty list made for it, once its name is typed, and
exported again. Writes a report without personal data that can be sent on. See
docs/first-contact.md.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError, SyncError
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from deployments.client_files import file_of
from deployments.onboarding import account_trial
from deployments.onboarding.account_trial import Trial
from deployments.prompts import terminal
from tasks.checks.accounts import check_account
from tasks.checks.findings import Finding, Subject, finding_text
from tasks.checks.needs import AccountNeeds, account_needs
from tasks.connections.deployed_agreements import agreed, client_of_file
from tasks.texts.first_contact import ContactStep, document, private_texts, readable

SLUG = MailUpAccount.get_block_type_slug()
ASKED = "what MailUp answers on this account to everything that only reads"
IMPORTED = "that MailUp takes an import as it is sent here, counts it, and shows who came"
EXPORTED = "that who is in a list comes out again, once each, with the right dates"


@dataclass
class Contact:
    """One first contact: with which account, which lists it may ask about, and how far it came."""

    account: MailUpAccount
    needs: AccountNeeds
    folder: Path
    zone: str = "Europe/Rome"
    trial: Trial | None = None
    steps: list[ContactStep] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    @property
    def subject(self) -> Subject:
        """What findings are about."""
        return Subject("MailUp account")

    def make(self) -> bool:
        """All steps, each only where the one before ended well; whether all did."""
        self.hidden |= {self.account.username, self.account.client_id, self.needs.name}
        with self.account.connect(patient=False) as client:
            if self._questions(client) and self.trial is not None:
                self._try_out(client, self.trial)
        return all(step.is_well for step in self.steps)

    def make_or_stop(self) -> bool:
        """The same, until the operator stops it; the report then says how far it came."""
        try:
            return self.make()
        except (EOFError, KeyboardInterrupt):
            terminal.say("\nStopped. What was written until then is said above.")
            return False

    def _questions(self, client: MailUpClient) -> bool:
        step = self._begin("questions", ASKED)
        self._note(step, check_account(self.subject, client, self.needs, datetime.now(UTC)))
        if step.is_well:
            lists = self.needs.lists
            self._note(step, account_trial.ask(self.subject, client, lists, self.account.page_size))
        return step.is_well

    def _try_out(self, client: MailUpClient, trial: Trial) -> None:
        step = self._begin("import", IMPORTED)
        if not self._agreed(client, trial, step):
            return
        with self.account.connect() as patient:
            seconds = self.account.import_timeout_seconds
            size = self.account.page_size
            self._note(step, account_trial.bring_in(self.subject, patient, trial, size, seconds))
            if any(each.check == "people" for each in step.findings):
                self._export(patient, trial)
        terminal.say(account_trial.REMOVAL.format(list=trial.list_id, number=len(trial.addresses)))

    def _export(self, client: MailUpClient, trial: Trial) -> None:
        step = self._begin("export", EXPORTED)
        with tempfile.TemporaryDirectory(prefix="mailup-run-") as name:
            scratch = Path(name)
            found = account_trial.take_back(self.subject, client, trial, scratch, self.zone)
            self._note(step, found)
            made = scratch / "subscribed.csv"
            if made.exists():
                goal = self.folder / "first-contact-subscribed.csv"
                goal.write_bytes(made.read_bytes())
                terminal.say(f"Who was exported is in {goal}.")

    def _agreed(self, client: MailUpClient, trial: Trial, step: ContactStep) -> bool:
        """Whether the operator wants it, knowing what it does: nothing is written before."""
        try:
            found, welcome = account_trial.look(client, trial)
        except SyncError as error:
            return self._stop(step, finding_text(error))
        self.hidden |= {found.name, trial.domain, *trial.addresses}
        terminal.say(f"\n{welcome}")
        answer = terminal.line("Type none if there is none, or welcome if they may get it: ")
        if answer not in ("none", "welcome"):
            return self._stop(step, "whether there is a welcome automation was not said")
        terminal.say(
            f"\n{len(trial.addresses)} addresses of {trial.domain} are imported into list "
            f"{trial.list_id} and subscribed."
        )
        if terminal.line("Type the name of the list to do so: ") != found.name.strip():
            return self._stop(step, "the name of the list was not typed")
        return True

    def _begin(self, name: str, proves: str) -> ContactStep:
        self.steps.append(ContactStep(name, proves))
        terminal.say(f"\n{name}: proves {proves}.")
        return self.steps[-1]

    def _note(self, step: ContactStep, findings: Iterator[Finding]) -> None:
        """Tell findings as they come; an error that ends them is one, too."""
        for each in self.subject.tried(
            step.name, "Read the message; then try again.", lambda: findings
        ):
            step.findings.append(each)
            remedy = f" -> {each.remedy}" if each.remedy else ""
            terminal.say(f"  {each.verdict:4} {each.check}: {each.text}{remedy}")

    def _stop(self, step: ContactStep, why: str) -> bool:
        step.stopped = why
        terminal.say(f"Nothing was written: {why}.")
        return False

    def report(self) -> list[Path]:
        """Write the report, as JSON and to be read."""
        content = document(self.steps, datetime.now(UTC).date(), private_texts(self.hidden))
        paths = [self.folder / f"first-contact.{ending}" for ending in ("json", "md")]
        paths[0].write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        paths[1].write_text(readable(content), encoding="utf-8")
        return paths


def needs_of(named: str) -> AccountNeeds:
    """What a block, or the only account of a client's file, has to offer. ConfigurationError."""
    if named.startswith(f"{SLUG}/"):
        return AccountNeeds(named.removeprefix(f"{SLUG}/"), (), (), ())
    file = str(file_of(named))
    known = agreed.fn(client_of_file(file), file)
    found = account_needs(known.agreements)
    if len(found) != 1:
        accounts = ", ".join(each.name for each in found) or "none"
        raise ConfigurationError(
            f"{named} has to name one account; its agreements name {accounts}. Name a block "
            f"instead, such as {SLUG}/acme."
        )
    return found[0]


def trial_of(list_id: int, domain: str, addresses: Path | None) -> Trial | None:
    """The trial import that the options ask for; None where they ask for none."""
    if not (list_id or domain or addresses):
        return None
    if not (list_id and domain and addresses):
        raise ConfigurationError("Give --list, --domain and --addresses together, or none of them.")
    try:
        lines = addresses.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"{addresses} cannot be read ({type(error).__name__}); give a text file with "
            "one address on each line."
        ) from None
    return Trial.of(list_id, domain, lines)


def contact_with(named: str, folder: Path, zone: str, trial: Trial | None) -> Contact:
    """A contact with the account of a client or of a block, before anything is asked."""
    needs = needs_of(named)
    return Contact(load(MailUpAccount, needs.name), needs, folder, zone, trial)
