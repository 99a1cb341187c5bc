"""What was agreed about sending of a full file only what has changed."""

from typing import Literal

from pydantic import Field, model_validator

from tasks.agreements.base import Settings


class Delta(Settings):
    """Whether rows that MailUp is known to have are left out."""

    on: bool = Field(
        default=False,
        description=(
            "Compare each full file with what MailUp has confirmed of the one before, and send "
            "only rows that are new or changed; rows that unsubscribe are always sent. What "
            "others change in MailUp meanwhile is not put back by rows that stay the same."
        ),
    )
    resend_after_days: int = Field(
        default=30,
        ge=0,
        le=366,
        description=(
            "After how many days a file is sent as a whole again, which puts back what was changed "
            "in MailUp by hand; 0 for never."
        ),
    )
    missing: Literal["report", "unsubscribe"] = Field(
        default="report",
        description=(
            "People whom MailUp has from the client's full files and who are not in them any "
            "more: report how many, or unsubscribe them from the list, whoever else may have "
            "subscribed them. Back in a later file they stay unsubscribed."
        ),
    )
    max_missing_percent: float = Field(
        default=5.0,
        ge=0,
        le=100,
        description=(
            "With missing 'unsubscribe', a file is held when more than this share of the people "
            "whom MailUp has from the client's files is missing."
        ),
    )
    max_missing: int = Field(
        default=1000,
        ge=0,
        description="With missing 'unsubscribe', a file is held when more people are missing.",
    )
    max_nameless_rows: int = Field(
        default=0,
        ge=0,
        description=(
            "With missing 'unsubscribe', nobody is unsubscribed by a file with more rows whose "
            "address cannot be read, for each may be of somebody who seems to be missing; who is "
            "still missing in the next file is decided about then."
        ),
    )

    @model_validator(mode="after")
    def _comparing(self) -> "Delta":
        if self.missing == "unsubscribe" and not self.on:
            raise ValueError("missing 'unsubscribe' needs on: true, for only comparing shows it.")
        return self
