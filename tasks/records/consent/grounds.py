"""Checks the grounds for consent in an agreement: what is missing, and what contradicts what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from blocks.errors import ConfigurationError
from blocks.mailup.resources.imports import Channel
from tasks.records.consent.settings import Consent
from tasks.records.mapping.marks import without_blanks
from tasks.records.mapping.settings import KEYS, Mapping

_SENT = {"email": "e-mail addresses", "sms": "mobile numbers"}


@dataclass(frozen=True)
class MissingGround:
    """A channel without a ground, and what to do about it."""

    channel: Channel
    text: str
    remedy: str

    @property
    def setting(self) -> str:
        """The setting of the agreement that is missing."""
        return f"consent.basis.{self.channel}"


def missing_grounds(consent: Consent, mapping: Mapping) -> Iterator[MissingGround]:
    """The channels without a ground; imports of type opt-out need none."""
    if consent.import_type == "opt-out":
        return
    for channel in mapping.channels:
        if consent.basis.of(channel).ground == "unknown":
            yield MissingGround(
                channel,
                f"the ground for consent is not agreed, so no {_SENT[channel]} are sent",
                _remedy(mapping),
            )


def _remedy(mapping: Mapping) -> str:
    known = mapping.of("status")
    column, values, moved = "NAME", "{VALUE: subscribed, ...}", ""
    if known:
        column = f"'{known[0].column}'"
        values = str(dict(mapping.status_values))
        moved = ", take the column with target 'status' and status_values out of mapping"
    return (
        f"Ask the client, and write {{ground: column, column: {column}, values: {values}, blank: "
        "leave_out}, or, where the client has stated in writing that everybody agreed, "
        "{ground: all, stated_on: 'YYYY-MM-DD', stated_by: NAME}" + moved + "; then deploy again."
    )


def check_grounds(consent: Consent, mapping: Mapping, today: date) -> None:
    """Raise ConfigurationError if a channel has no ground, or a statement dates from the future."""
    for missing in missing_grounds(consent, mapping):
        raise ConfigurationError(
            f"Nothing was sent. {missing.setting}: {missing.text}. {missing.remedy}"
        )
    for channel in mapping.channels:
        if consent.basis.of(channel).stated_on > today.isoformat():
            raise ConfigurationError(
                f"Nothing was sent. consent.basis.{channel}.stated_on lies after today; correct it "
                "in the client's file, and deploy again."
            )


def ground_mistakes(
    consent: Consent, mapping: Mapping, max_opt_out_percent: float
) -> Iterator[str]:
    """What contradicts what between the grounds and other settings of an agreement."""
    basis = consent.basis
    if not basis.known:
        return
    if mapping.of("status"):
        yield (
            "consent.basis says who agreed: take the column with target 'status' and status_values "
            "out of mapping."
        )
    if consent.import_type == "opt-out" and basis.columns:
        yield "consent.basis: import_type 'opt-out' unsubscribes everybody; name no column there."
    for channel in mapping.channels:
        ground = basis.of(channel)
        if ground.ground == "none" and consent.import_type != "opt-out":
            yield (
                f"consent.basis.{channel} is 'none', so that no {_SENT[channel]} can be sent: map "
                f"no column to target '{KEYS[channel]}'; it may go to a dynamic field."
            )
        if mapping.key not in ("both", KEYS[channel]) and "unsubscribed" in ground.meanings:
            yield (
                f"consent.basis.{channel}: with mapping.key '{mapping.key}', rows cannot "
                f"unsubscribe by {channel}; take leave_out."
            )
        blank = {without_blanks(text) for text in mapping.blank_texts}
        if any(without_blanks(value) in blank for value in ground.values):
            yield (
                f"consent.basis.{channel}.values has a text of mapping.blank_texts, which means an "
                "empty cell; take it out of one of them."
            )
        if ground.column and ground.of_blank == "unsubscribed" and max_opt_out_percent >= 100:
            yield (
                f"consent.basis.{channel}.blank 'unsubscribed' needs "
                "thresholds.max_opt_out_percent below 100: an empty column would "
                "unsubscribe everybody."
            )
