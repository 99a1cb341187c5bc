"""A run whose machine has no room left."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.failing import telling


@flow(name="fills-the-disk")
@telling
def fills_the_disk(agreement: dict[str, Any]) -> State[None]:
    """Writes where there is never any room."""
    Path("/dev/full").write_text(str(agreement), encoding="utf-8")
    return Completed()


def test_a_full_disk_is_told_with_its_place_and_its_remedy(monkeypatch: Any) -> None:
    """It is no defect to be reported: the operator reads where room is needed."""
    monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", "/tmp")
    state = fills_the_disk(agreement={"client": "acme"}, return_state=True)
    assert state.is_failed()
    assert state.message == (
        "The disk of this worker is full: a file of the run in /tmp could not be written. Free "
        "space there, or let MAILUP_EXCHANGE_SCRATCH name a folder with more. Once there is room, "
        "run this again, or let the next run go on from here."
    )
