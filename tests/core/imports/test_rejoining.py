"""Whom a grant subscribes again, as MailUp shows them when it is sent; emulated MailUp."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from blocks.accounts import MailUpAccount
from blocks.ledger import files, grants, leases
from blocks.ledger.files import FileKey
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import Channel, ImportTarget
from sandbox.mailup.caller import Caller
from tasks.imports.account_facts import CHANNELS, as_seen
from tasks.imports.batch_sender import BatchSender
from tasks.imports.rejoining import Rejoining
from tasks.imports.unproven import ResendCheck, everybody
from tasks.records.batching.batches import Batch, write_batches
from tasks.records.consent.apply import Unsubscribed, prepare_unsubscribed
from tasks.records.consent.settings import Consent
from tasks.records.frames import LINE, RECORD
from tasks.records.validation.validate import recipient_keys
from tests.core.emulated import client_of

EAST, WEST = "Pacific/Kiritimati", "Etc/GMT+12"
"""Zones with different days at any time."""
PEOPLE = [
    {"Email": f"{name}@example.it", "MobilePrefix": "39", "MobileNumber": f"333000000{at}"}
    for at, name in enumerate(("anna", "bruno"))
]


class _NobodyWaits:
    def yield_to_others(self) -> None:
        pass


@dataclass
class Desk:
    """Two people in lists 1 to 3, on both channels, and a file that is being imported."""

    caller: Caller
    client: MailUpClient
    sender: BatchSender
    folder: Path

    def leave(self, list_id: int, channel: Channel = "email") -> None:
        """Both leave a channel of a list."""
        self.imported(ImportTarget(list_id=list_id, channel=channel, import_type="optout"))

    def imported(self, target: ImportTarget) -> None:
        """Have MailUp import both."""
        import_id = self.client.start_import(target, json.dumps(PEOPLE).encode())
        self.client.wait_for_import(import_id, timeout_seconds=20, poll_seconds=0.01)

    def judged(self, *lists: int, channel: Channel = "email") -> Unsubscribed:
        """Who is not subscribed now."""
        seen = [
            as_seen(page, each, channel, "Europe/Rome")
            for each in lists
            for page in self.client.unsubscribed(each, channel)
        ]
        return prepare_unsubscribed(pl.concat(seen).drop("subscribed"))

    def batches(self, *lists: int, channel: Channel = "email") -> list[Batch]:
        """Both people as opt-ins to each list, on lines from 2 on."""
        rows = [(each, one) for each in lists for one in PEOPLE]
        empty = pl.DataFrame({name: [None] * len(rows) for name in RECORD}, schema=RECORD)
        by_email = channel == "email"
        address = pl.col("email") if by_email else pl.concat_str("prefix", "number")
        records = empty.with_columns(
            pl.int_range(2, len(rows) + 2).alias(LINE), channel=pl.lit(channel),
            clear=pl.lit(False), list_id=pl.Series([each for each, _ in rows], dtype=pl.Int64),
            email=pl.Series(
                [one["Email"] if by_email else None for _, one in rows], dtype=pl.String
            ),
            prefix=pl.lit(None if by_email else "0039", pl.String),
            number=pl.Series(
                [None if by_email else one["MobileNumber"] for _, one in rows], dtype=pl.String
            ),
            import_type=pl.lit("optin"),
        ).with_columns(recipient_keys(pl.col("channel"), address))  # fmt: skip
        return write_batches([records], self.folder, 100)

    def bring(self, sent: list[Batch], judged: Unsubscribed, **settings: Any) -> None:
        """Send the batches, as a run with this result does."""
        rejoining = self.rejoining(judged, **settings)
        for batch in sent:
            to = batch.destination
            rejoining.send(
                batch, ImportTarget(list_id=to.list_id, channel=to.channel, import_type="optin")
            )

    def rejoining(
        self, judged: Unsubscribed, *, expires: str = "2999-12-31", zone: str = "Europe/Rome"
    ) -> Rejoining:
        """What brings a file's batches; `sender` is that of one more run."""
        grant = Consent(
            import_type="opt-in", grant_date="2020-01-01",
            grant_expires=expires, grant_by="DPO", grant_reason="asked for",
        )  # fmt: skip
        account = MailUpAccount(
            client_id="id", client_secret="no", username="m1", password="no", zone=zone
        )
        return Rejoining(replace(self.sender), account, grant, judged, 0)

    def status(self, list_id: int, channel: Channel = "email") -> list[str]:
        """The status of both in a list."""
        there = self.caller.people(list_id, channel)
        names = [one["Email" if channel == "email" else "MobileNumber"] for one in PEOPLE]
        return [str(there[name]["status"]) for name in names]

    @property
    def grants(self) -> list[grants.Grant]:
        """What the ledger knows of the file's batches."""
        return grants.of_file(self.sender.store, self.sender.file_id)


@pytest.fixture
def desk(new_account: Caller, tmp_path: Path) -> Iterator[Desk]:
    with (
        Store(f"sqlite:///{tmp_path}/ledger.db") as store,
        client_of(new_account.emulator) as client,
    ):
        key = FileKey("acme", "import:1", "c" * 64)
        entry = files.enter(store, key, name="a.csv", size=1, agreement="v1", run="")
        lease = leases.take(store, "client/acme")
        assert lease is not None
        sender = BatchSender(
            store, client, entry.id, 1, leases.Guard(store, lease), _NobodyWaits(), 20.0, "acme",
            lambda: Storage(str(tmp_path / "storage")), ResendCheck(client, 300, everybody),
            sleep=lambda _: None,
        )  # fmt: skip
        made = Desk(new_account, client, sender, tmp_path / "batches")
        for list_id in (1, 2, 3):
            for channel in CHANNELS["both"]:
                made.imported(ImportTarget(list_id=list_id, channel=channel))
        yield made


def test_a_grant_subscribes_the_people_of_several_lists(desk: Desk) -> None:
    """Each list has its own batch, and who was not in the file's lists stays as they are."""
    for list_id in (1, 2, 3):
        desk.leave(list_id)
    desk.bring(desk.batches(1, 2), desk.judged(1, 2))
    assert [desk.status(each)[0] for each in (1, 2, 3)] == [
        "subscribed", "subscribed", "unsubscribed",
    ]  # fmt: skip
    assert [(each.sent, each.gone) for each in desk.grants] == [((2, 3), ()), ((4, 5), ())]


@pytest.mark.parametrize("filters", ["known", "ignored", "refused"])
def test_a_grant_of_numbers_subscribes_numbers(desk: Desk, filters: str) -> None:
    """The SMS channel is a channel of its own, whether MailUp takes filters or not."""
    desk.caller.control("settings", {"filters": filters})
    desk.leave(1, "sms")
    desk.leave(1)
    desk.bring(desk.batches(1, channel="sms"), desk.judged(1, channel="sms"))
    assert desk.status(1, "sms") == ["subscribed"] * 2
    assert desk.status(1) == ["unsubscribed"] * 2


@pytest.mark.parametrize(("zone", "status"), [(WEST, "subscribed"), (EAST, "unsubscribed")])
def test_the_last_day_of_a_grant_is_one_of_the_account(desk: Desk, zone: str, status: str) -> None:
    """Where it is still that day people are subscribed; where it is over they are left out."""
    desk.leave(1)
    west = MailUpAccount(
        client_id="id", client_secret="no", username="m1", password="no", zone=WEST
    )
    last = west.today().isoformat()
    desk.bring(desk.batches(1), desk.judged(1), expires=last, zone=zone)
    assert desk.status(1) == [status] * 2
    assert [len(each.left_out) for each in desk.grants] == [0 if zone == WEST else 2]


def test_a_death_between_looking_and_sending_is_looked_at_anew(desk: Desk) -> None:
    """A look-up without a request does not count: people who have left since are left out."""
    desk.leave(1)
    judged, sent = desk.judged(1), desk.batches(1)
    grants.looked(desk.sender.store, desk.sender.file_id, 1, 1, sent=(2, 3), left_out=())
    moved = {"list": 1, "email": "bruno@example.it", "when": "2999-01-01T10:00:00Z"}
    desk.caller.control("unsubscribe", moved)
    desk.bring(sent, judged)
    assert desk.status(1) == ["subscribed", "unsubscribed"]
    assert [(each.sent, each.left_out, each.gone) for each in desk.grants] == [((2,), (3,), ())]
