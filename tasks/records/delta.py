"""What was agreed about sending of a full file only what has changed."""

from pydantic import BaseModel, ConfigDict, Field


class Delta(BaseModel):
    """Whether rows that MailUp is known to have are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
