"""Settings of consent: effects on the subscription status, and the grant for an opt-in."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from blocks.errors import ConfigurationError
from tasks.agreements.base import Settings
from tasks.records.mapping.basis import ConsentBasis, is_day


class Consent(Settings):
    """Effects of an import on the subscription status of people."""

    import_type: Literal["default", "opt-out", "opt-in"] = Field(
        default="default",
        description=(
            "Default: new people are subscribed, nobody's status changes. Opt-out: everybody in "
            "the file is unsubscribed. Opt-in: people who unsubscribed before the day of the grant "
            "below are subscribed again; people who left on that day or later are not."
        ),
    )
    unsubscribed: Literal["update", "block"] = Field(
        default="update",
        description=(
            "People who unsubscribed, bounced or complained: update their data and leave their "
            "status, or block them: do not send them, and list them as skipped."
        ),
    )
    grant_date: str = Field(
        default="",
        description=(
            "Opt-in only: day of the grant, such as 2026-01-31, in the account's time zone; "
            "people who unsubscribed on that day are not subscribed again."
        ),
    )
    grant_by: str = Field(
        default="", max_length=200, description="Opt-in only: who at the client gave it."
    )
    grant_reason: str = Field(
        default="",
        max_length=500,
        description="Opt-in only: how these people asked to be subscribed again.",
    )
    grant_expires: str = Field(
        default="",
        description=(
            "Opt-in only: last day on which the grant is valid, such as 2026-02-28; compared with "
            "the day of sending, in the account's time zone."
        ),
    )
    basis: ConsentBasis = Field(
        default=ConsentBasis(),
        description=(
            "On what ground people are written to, for e-mail and for SMS apart. Without it files "
            "are not sent; imports of type opt-out need none."
        ),
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Consent":
        for mistake in _mistakes(self):
            raise ValueError(mistake)
        return self

    @property
    def asks_mailup(self) -> bool:
        """Whether MailUp's unsubscribed people are needed."""
        return self.import_type == "opt-in" or self.unsubscribed == "block"


def _mistakes(consent: Consent) -> Iterator[str]:
    """Contradictions between the settings, as sentences."""
    grant = {
        name: getattr(consent, name).strip()
        for name in ("grant_date", "grant_by", "grant_reason", "grant_expires")
    }
    if consent.import_type != "opt-in":
        if any(grant.values()):
            yield "The grant_ fields are only for import_type 'opt-in'; leave them empty."
        if consent.import_type == "opt-out" and consent.unsubscribed == "block":
            yield "unsubscribed 'block' is only for import_type 'default'; use 'update'."
        return
    missing = [name for name, value in grant.items() if not value]
    if missing:
        yield f"import_type 'opt-in' needs a grant; fill in {', '.join(missing)}."
    for name in ("grant_date", "grant_expires"):
        if not is_day(grant[name]):
            yield f"{name} must be a day such as 2026-01-31."
    if grant["grant_expires"] < grant["grant_date"]:
        yield "grant_expires is before grant_date; correct one of them."
    if consent.unsubscribed == "block":
        yield "unsubscribed 'block' contradicts import_type 'opt-in'; use 'update'."


def without_opt_in(consent: Consent) -> Consent:
    """The same settings, but people who are not subscribed are blocked instead of opted in."""
    empty = dict.fromkeys(("grant_date", "grant_by", "grant_reason", "grant_expires"), "")
    return consent.model_copy(update=empty | {"import_type": "default", "unsubscribed": "block"})


def check_grant(consent: Consent, today: date) -> None:
    """Raise ConfigurationError if an opt-in has a grant that is not valid today."""
    if consent.import_type != "opt-in":
        return
    if consent.grant_date > today.isoformat():
        raise ConfigurationError(
            f"The opt-in grant is dated {consent.grant_date}, after today; correct grant_date, or "
            "set import_type to 'default'."
        )
    if consent.grant_expires < today.isoformat():
        raise ConfigurationError(
            f"The opt-in grant expired on {consent.grant_expires}; ask the client for a new one, "
            "or set import_type to 'default'."
        )
