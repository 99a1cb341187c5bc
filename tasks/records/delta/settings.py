"""Settings of delta: sending only the new and changed rows of a full file."""

from typing import Literal

from pydantic import Field, model_validator

from tasks.agreements.base import Settings


class Delta(Settings):
    """Whether unchanged rows are not sent, and what happens to missing people."""

    on: bool = Field(
        default=False,
        description=(
            "Compare each full file with what MailUp has confirmed of the previous one, and send "
            "only new or changed rows; rows that unsubscribe are always sent. Changes made in "
            "MailUp by others are not overwritten by unchanged rows."
        ),
    )
    resend_after_days: int = Field(
        default=30,
        ge=0,
        le=366,
        description=(
            "Number of days after which all rows are sent again, which overwrites changes made in "
            "MailUp by hand; 0 for never."
        ),
    )
    missing: Literal["report", "unsubscribe"] = Field(
        default="report",
        description=(
            "People from the client's earlier full files who are not in this one: report their "
            "number, or unsubscribe them from the list, even if they were also subscribed in "
            "another way. If a later file contains them again, they stay unsubscribed."
        ),
    )
    max_missing_percent: float = Field(
        default=5.0,
        ge=0,
        le=100,
        description=(
            "With missing 'unsubscribe', a file is held when more than this share of the people "
            "from the client's earlier files is missing."
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
            "With missing 'unsubscribe', a file with more rows without a readable address "
            "unsubscribes nobody, because these rows may be of missing people; the next file "
            "decides."
        ),
    )

    @model_validator(mode="after")
    def _comparing(self) -> "Delta":
        if self.missing == "unsubscribe" and not self.on:
            raise ValueError(
                "missing 'unsubscribe' needs on: true, as missing people are found by comparing."
            )
        return self
