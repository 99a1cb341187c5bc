"""A grant subscribes nobody who leaves before or during the import."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from prefect.client.schemas.objects import State

import tasks.imports.rejoining

GRANT = {
    "import_type": "opt-in", "grant_date": "2026-02-01", "grant_expires": "2999-12-31",
    "grant_by": "Acme DPO", "grant_reason": "asked for again on the web form",
}  # fmt: skip
AGREED = {"consent": GRANT}
BEFORE = "2026-01-10T10:00:00Z"
LEFT = "consent_left_meanwhile"


def leave(world: Any, *names: str, when: str | None = None) -> None:
    """People unsubscribe by themselves, now unless it is said when."""
    for name in names:
        person = {"list": 1, "email": f"{name}@example.it"}
        world.control("POST", "unsubscribe", person | ({"when": when} if when else {}))


def status(world: Any, name: str) -> str:
    return str(world.people()[f"{name}@example.it"]["status"])


def reasons(world: Any, file: str) -> dict[str, int]:
    return {each["code"]: each["records"] for each in world.result(file)["reasons"]}


@pytest.fixture
def left(world: Any) -> Any:
    """Four people who were subscribed, and left before the grant."""
    names = ("anna", "bruno", "carla", "dora")
    world.drop("0.csv", *(f"{name}@example.it;{name};" for name in names))
    assert world.run().is_completed()
    leave(world, *names, when=BEFORE)
    return world


def opt_ins(world: Any) -> list[dict[str, Any]]:
    return [each for each in world.posts() if "asOptin" in str(each)]


def meanwhile(world: Any, happens: Callable[[], None], posts: int) -> State[Any]:
    """Run an import; something happens once so many imports have reached MailUp."""

    def wait() -> None:
        end = time.monotonic() + 60
        while len(world.posts()) < posts and time.monotonic() < end:
            time.sleep(0.02)
        happens()

    other = threading.Thread(target=wait)
    other.start()
    state = world.run(agreed=AGREED)
    other.join()
    return state


def test_who_leaves_between_two_files_of_a_run_stays_out(left: Any) -> None:
    """Each file asks again who is not subscribed: the second subscribes nobody again."""
    left.drop("a.csv", "anna@example.it;A;")
    left.drop("b.csv", "anna@example.it;B;", "bruno@example.it;B;")
    done = len(left.posts())
    left.control("POST", "settings", {"import_seconds": 1.0})

    def after_the_first() -> None:
        while status(left, "anna") != "subscribed":
            time.sleep(0.02)
        leave(left, "anna")

    state = meanwhile(left, after_the_first, done + 1)
    assert state.is_completed(), state.message
    assert (status(left, "anna"), status(left, "bruno")) == ("unsubscribed", "subscribed")
    assert sum(reasons(left, "b.csv").values()) == 2


def test_who_leaves_while_the_batch_is_on_its_way_is_unsubscribed_again(left: Any) -> None:
    """They are seen to leave before MailUp carries it out, and the others are subscribed."""
    left.drop("a.csv", "anna@example.it;A;", "bruno@example.it;B;", "carla@example.it;C;")
    left.control("POST", "settings", {"import_seconds": 1.5})
    state = meanwhile(left, lambda: leave(left, "bruno"), len(left.posts()) + 1)

    assert state.message == "a.csv: 3 of 3 submitted"
    assert [status(left, name) for name in ("anna", "bruno", "carla")] == [
        "subscribed", "unsubscribed", "subscribed",
    ]  # fmt: skip
    assert reasons(left, "a.csv") == {"consent_granted": 2, LEFT: 1}


def test_who_leaves_before_the_batch_is_left_out_and_listed(
    left: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody leaves between validation and sending: the row is blocked, the counts add up."""
    left.drop("a.csv", "anna@example.it;A;", "bruno@example.it;B;")
    _before(monkeypatch, "_selected", lambda: leave(left, "anna"))
    state = left.run(agreed=AGREED)

    assert state.message == "a.csv: 1 of 2 submitted, 1 blocked"
    assert (status(left, "anna"), status(left, "bruno")) == ("unsubscribed", "subscribed")
    assert reasons(left, "a.csv") == {"consent_granted": 1, LEFT: 1}
    skipped = (left.inbox / "results" / "a.csv.skipped.csv").read_text(encoding="utf-8")
    assert skipped.count("\n") == 3


@pytest.mark.parametrize(
    ("dies", "seconds"), [("states", 8.0), ("_unsubscribe", 1.5)], ids=["unseen", "seen"]
)
def test_a_run_that_dies_in_the_window_is_ended_by_the_next(
    left: Any, monkeypatch: pytest.MonkeyPatch, dies: str, seconds: float
) -> None:
    """Who left in it is unsubscribed again, and everybody is listed, whatever the first run saw."""
    left.drop("a.csv", "anna@example.it;A;", "bruno@example.it;B;", "carla@example.it;C;")
    left.control("POST", "settings", {"import_seconds": seconds})
    with monkeypatch.context() as patched:
        _before(patched, dies, _die, time_=2 if dies == "states" else 1)
        cut_off = meanwhile(left, lambda: leave(left, "bruno"), len(left.posts()) + 1)
        assert not cut_off.is_completed()

    state = left.run(agreed=AGREED)
    assert state.is_completed(), state.message
    assert [status(left, name) for name in ("anna", "bruno", "carla")] == [
        "subscribed", "unsubscribed", "subscribed",
    ]  # fmt: skip
    assert reasons(left, "a.csv") == {"consent_granted": 2, LEFT: 1}
    counts = left.result("a.csv")["counts"]
    assert counts["records"] == counts["submitted"] + counts["blocked"] == 3


def test_who_left_is_unsubscribed_again_though_the_grant_has_ended(
    left: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is killed; the next stops for the grant, after looking up whom it had subscribed."""
    left.drop("a.csv", "anna@example.it;A;", "bruno@example.it;B;", "carla@example.it;C;")
    left.control("POST", "settings", {"import_seconds": 1.5})
    with monkeypatch.context() as patched:
        _before(patched, "_unsubscribe", _die)
        assert not meanwhile(
            left, lambda: leave(left, "bruno"), len(left.posts()) + 1
        ).is_completed()
    assert status(left, "bruno") == "subscribed"

    ended = {"consent": GRANT | {"grant_expires": "2026-03-01"}}
    state = left.run(agreed=ended)
    assert not state.is_completed() and "expired on 2026-03-01" in state.message
    people = ("anna", "bruno", "carla")
    assert [status(left, name) for name in people] == ["subscribed", "unsubscribed", "subscribed"]

    done = len(left.posts())
    assert not left.run(agreed=ended).is_completed()
    assert len(left.posts()) == done, "once is enough"
    assert left.run(agreed=AGREED).message == "a.csv: 2 of 3 submitted, 1 blocked"
    assert status(left, "bruno") == "unsubscribed"


def _before(
    patched: pytest.MonkeyPatch, name: str, happens: Callable[[], None], time_: int = 1
) -> None:
    """Something happens directly before a step of rejoining, at its first or at another time."""
    known = getattr(tasks.imports.rejoining.Rejoining, name)
    times: list[int] = []

    def step(self: Any, *args: Any) -> Any:
        times.append(1)
        if len(times) == time_:
            happens()
        return known(self, *args)

    patched.setattr(tasks.imports.rejoining.Rejoining, name, step)


def _die() -> None:
    raise RuntimeError("cut off")
