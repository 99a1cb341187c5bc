"""What an operator answers with options, as answers to a proposal."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, get_args

from blocks.errors import ConfigurationError
from blocks.mailup.resources.imports import Channel
from deployments.onboarding.request import OnboardRequest
from tasks.records.mapping.basis import ConsentMeaning, is_day
from tasks.records.onboarding.consent_columns import ConsentAnswer
from tasks.records.onboarding.file_format import Given
from tasks.records.onboarding.propose import Answers

_CHANNELS: tuple[Channel, ...] = get_args(Channel)
MEANINGS: tuple[ConsentMeaning, ...] = get_args(ConsentMeaning)
_CONSENT = "--consent email=column:NAME"


def answers_of(chosen: OnboardRequest) -> Answers:
    """The answers; ConfigurationError where one is not accepted."""
    columns = dict(_decided(text) for text in chosen.column or ())
    status = [name for name, each in columns.items() if each.get("target") == "status"]
    consent: dict[Channel, ConsentAnswer] = {}
    for text in chosen.consent or ():
        channel, given = _ground(text)
        consent[channel] = _together(consent.get(channel), given)
    meanings = [_meaning(text) for text in chosen.status or ()]
    main: Channel = "sms" if _only_sms(columns) else "email"
    if (status or meanings) and main not in consent:
        consent[main] = ConsentAnswer("column", column=_one(status))
    return Answers(
        form=Given(chosen.encoding, chosen.separator, chosen.header, chosen.final_newline),
        columns={name: {} if name in status else each for name, each in columns.items()},
        consent={
            channel: _with_meanings(each, channel, main, meanings)
            for channel, each in consent.items()
        },
        region=chosen.region,
        list_id=chosen.list_id,
        create_groups=chosen.create_groups,
    )


def _one(status: list[str]) -> str:
    """The column that was chosen with --column NAME=status; empty if the sample has to show it."""
    if len(status) > 1:
        raise ConfigurationError(
            f"--status explains the values of one column, not of {', '.join(status)}; leave the "
            "others out with --column NAME=."
        )
    return "".join(status)


def _only_sms(columns: dict[str, dict[str, Any]]) -> bool:
    targets = {each.get("target") for each in columns.values()}
    return "mobile" in targets and "email" not in targets


def _ground(text: str) -> tuple[Channel, ConsentAnswer]:
    """Channel and ground, from email=column:NAME and the like."""
    name, sign, rest = text.partition("=")
    ground, _, more = rest.partition(":")
    channel = next((each for each in _CHANNELS if each == name), None)
    if not sign or channel is None or ground not in ("column", "all", "none"):
        raise ConfigurationError(
            f"--consent: {text!r} is not accepted; accepted are email or sms with column:NAME, "
            f"all:YYYY-MM-DD:WHO or none, for example {_CONSENT}."
        )
    if ground == "column":
        if not more:
            raise ConfigurationError(f"--consent: the column is missing; for example {_CONSENT}.")
        return channel, ConsentAnswer("column", column=more)
    day, _, who = more.partition(":")
    if ground == "all" and not (is_day(day) and who.strip()):
        raise ConfigurationError(
            f"--consent: {text!r} needs the day of the statement and who made it, for example "
            "--consent 'email=all:2026-01-31:Anna Rossi'."
        )
    return channel, ConsentAnswer(ground, stated_on=day, stated_by=who.strip())


def _together(first: ConsentAnswer | None, other: ConsentAnswer) -> ConsentAnswer:
    """A statement about everybody, and the column that takes people out; else the last answer."""
    pair = {each.ground: each for each in (first, other) if each is not None}
    if pair.keys() != {"all", "column"}:
        return other
    return replace(pair["all"], column=pair["column"].column)


def _meaning(text: str) -> tuple[str, str, ConsentMeaning]:
    """Channel (or empty), value, and its meaning, from VALUE=MEANING."""
    value, given = _pair(text, "--status 1=subscribed")
    meaning = next((each for each in MEANINGS if each == given), None)
    if meaning is None:
        raise ConfigurationError(
            f"--status: {given!r} is no meaning; accepted are {', '.join(MEANINGS)}."
        )
    name, sign, rest = value.partition(":")
    return (name, rest, meaning) if sign and name in _CHANNELS else ("", value, meaning)


def _with_meanings(
    answer: ConsentAnswer,
    channel: Channel,
    main: Channel,
    meanings: Iterable[tuple[str, str, ConsentMeaning]],
) -> ConsentAnswer:
    mine = [(value, each) for name, value, each in meanings if (name or main) == channel]
    if not mine or (answer.ground != "column" and not answer.column):
        return answer
    values = {value: each for value, each in mine if value}
    blank: str = next((each for value, each in mine if not value), "")
    if blank == "subscribed":
        if answer.ground != "all":
            raise ConfigurationError(
                "--status: an empty cell alone never means subscribed; accepted are leave_out and "
                "unsubscribed, or a statement of the client for everybody beside the column: "
                f"--consent '{channel}=all:YYYY-MM-DD:WHO'."
            )
        blank = "all"
    return replace(answer, values=values, blank=blank)


def _decided(text: str) -> tuple[str, dict[str, Any]]:
    """A column's name and its settings, from NAME=field:NAME:FORMAT and the like."""
    name, wanted = _pair(text, "--column NAME=email")
    if not name:
        raise ConfigurationError(f"{text!r} names no column; for example --column NAME=email.")
    target, _, rest = wanted.partition(":")
    if target == "group":
        return name, {"target": target} | ({"separator": rest} if rest else {})
    field, _, date_in = rest.partition(":")
    settings = {"target": target, "field": field, "date_in": date_in}
    if date_in:
        settings["date_out"] = "%Y-%m-%d"
    return name, {key: value for key, value in settings.items() if value}


def _pair(text: str, example: str) -> tuple[str, str]:
    name, sign, value = text.rpartition("=")
    if not sign:
        raise ConfigurationError(f"{text!r} is no pair; accepted is, for example, {example}.")
    return name, value


def options_of(chosen: OnboardRequest) -> Iterator[str]:
    """The answers as options of the command, to give them again."""
    for name in ("column", "consent", "status"):
        yield from (f"--{name} '{text}'" for text in getattr(chosen, name) or ())
    if chosen.create_groups is not None:
        yield "--create-groups" if chosen.create_groups else "--no-create-groups"
    for option, value, usual in (
        ("region", chosen.region, ""), ("encoding", chosen.encoding, "auto"),
        ("member", chosen.member, ""), ("sheet", chosen.sheet, ""),
        ("final-newline", chosen.final_newline, "required"),
    ):  # fmt: skip
        if value != usual:
            yield f"--{option} '{value}'"
