"""What a client's agreements need: servers, accounts, ledgers and keys, each once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tasks.checks.findings import Finding, Subject
from tasks.files.remote_paths import join
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.grounds import missing_grounds
from tasks.records.reading.unpack import Unpacking
from tasks.records.source import Source
from tasks.reports.agreement import ExportAgreement
from tasks.reports.output.packing import Packing

_Need = TypeVar("_Need")
AnyAgreement = ImportAgreement | ExportAgreement


@dataclass(frozen=True)
class Outlet:
    """A folder to which files are written or moved, from `start` to `end`.

    `renames`: they get their final name by a rename. `replaces`: an older file of the same name is
    replaced. `tries`: a test file may be written there and deleted.
    """

    purpose: str
    start: str
    end: str
    renames: bool = True
    replaces: bool = False
    tries: bool = True


@dataclass(frozen=True)
class AutoEncoding:
    """An inbox whose files are read with dialect.encoding auto."""

    source: Source
    unpacking: Unpacking


@dataclass(frozen=True)
class ServerNeeds:
    """What is read and written on one server."""

    reference: str
    inboxes: tuple[Source, ...]
    outlets: tuple[Outlet, ...]
    auto_encodings: tuple[AutoEncoding, ...] = ()

    @property
    def reads_ages(self) -> bool:
        """Whether files need a minimum age, which requires correct clocks."""
        return any(inbox.minimum_age_seconds for inbox in self.inboxes)


@dataclass(frozen=True)
class WantedGroup:
    """A group of a list, by id or name; `create`: it is created if missing."""

    list_id: int
    text: str
    create: bool


@dataclass(frozen=True)
class AccountNeeds:
    """What is used of one MailUp account."""

    name: str
    lists: tuple[int, ...]
    fields: tuple[str, ...]
    groups: tuple[WantedGroup, ...]


def server_needs(agreements: Sequence[AnyAgreement]) -> list[ServerNeeds]:
    """One entry per server, in the order of the agreements."""
    return [
        ServerNeeds(
            reference,
            _unique(each.source for each in of if isinstance(each, ImportAgreement)),
            _unique(outlet for each in of for outlet in _outlets(each)),
            _unique(inbox for each in of for inbox in _auto_encodings(each)),
        )
        for reference in _unique(each.server for each in agreements)
        if (of := [each for each in agreements if each.server == reference])
    ]


def account_needs(agreements: Sequence[AnyAgreement]) -> list[AccountNeeds]:
    """One entry per account."""
    return [
        AccountNeeds(
            name,
            _unique(list_id for each in of for list_id in each.lists),
            _unique(wanted for each in of for wanted in _fields(each)),
            _unique(group for each in of for group in _groups(each)),
        )
        for name in _unique(each.account for each in agreements)
        if (of := [each for each in agreements if each.account == name])
    ]


def ground_findings(agreements: Sequence[AnyAgreement]) -> Iterator[Finding]:
    """Whether each import says on what ground people are written to."""
    for each in agreements:
        if isinstance(each, ImportAgreement):
            subject = Subject(f"deployment import-recipients/{each.client}")
            for missing in missing_grounds(each.consent, each.mapping):
                yield subject.fix(missing.setting, missing.text, missing.remedy)


def ledgers(agreements: Sequence[AnyAgreement]) -> tuple[str, ...]:
    """Names of the ledgers."""
    return _unique(each.ledger for each in agreements)


def decryption_keys(agreements: Sequence[AnyAgreement]) -> tuple[str, ...]:
    """Names of the keys that decrypt files and archives."""
    return _unique(
        name
        for each in agreements
        if isinstance(each, ImportAgreement)
        for name in (each.decryption_key, each.archive.key)
        if name
    )


def encryptions(agreements: Sequence[AnyAgreement]) -> tuple[Packing, ...]:
    """The packings that encrypt exports, once per pair of recipient and signer."""
    found = {
        (each.packing.encrypt_for, each.packing.sign_with): each.packing
        for each in agreements
        if isinstance(each, ExportAgreement) and each.packing.encrypt_for
    }
    return tuple(found.values())


def _outlets(agreement: AnyAgreement) -> Iterator[Outlet]:
    if isinstance(agreement, ExportAgreement):
        yield _exports(agreement)
        return
    source = agreement.source
    results = join(source.folder, agreement.results.folder)
    yield Outlet("results", results, results, replaces=agreement.results.names == "as-the-file")
    if source.afterwards == "move":
        yield Outlet("imported files", source.folder, join(source.folder, source.move_to))
    elif source.afterwards == "rename":
        yield Outlet("imported files", source.folder, source.folder)


def _auto_encodings(agreement: AnyAgreement) -> Iterator[AutoEncoding]:
    """The inbox of an import whose encoding is not agreed; encrypted files are not looked into."""
    if not isinstance(agreement, ImportAgreement) or agreement.decryption_key:
        return
    if agreement.dialect.encoding == "auto":
        yield AutoEncoding(agreement.source, agreement.unpacking)


def _exports(agreement: ExportAgreement) -> Outlet:
    publishing = agreement.publishing
    renames, replaces = publishing.publish == "rename", publishing.existing == "replace"
    # A server that forbids renaming and replacing may also forbid deleting: a test file would stay.
    tries = renames or replaces or agreement.keep_days > 0
    return Outlet(
        "exports",
        agreement.folder,
        agreement.folder,
        renames=renames,
        replaces=replaces,
        tries=tries,
    )


def _fields(agreement: AnyAgreement) -> Iterator[str]:
    if isinstance(agreement, ExportAgreement):
        yield from agreement.fields
    else:
        yield from (column.field for column in agreement.mapping.of("field"))


def _groups(agreement: AnyAgreement) -> Iterator[WantedGroup]:
    if isinstance(agreement, ImportAgreement) and agreement.group:
        for list_id in agreement.lists:
            yield WantedGroup(list_id, agreement.group, agreement.create_groups)


def _unique(found: Iterable[_Need]) -> tuple[_Need, ...]:
    return tuple(dict.fromkeys(found))
