"""How a file gets its final name at the client, also where rename or overwrite is forbidden."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.reports.output.filenames import Naming
from tasks.reports.output.packing import Packing


class Publishing(BaseModel):
    """What the client's server allows when a file is delivered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    publish: Literal["rename", "direct"] = Field(
        default="rename",
        description=(
            "Upload under a temporary name and rename, so that nobody sees half a file; or, where "
            "the server forbids renaming, upload directly and announce the file by a done-marker."
        ),
    )
    existing: Literal["replace", "keep"] = Field(
        default="replace",
        description=(
            "When a delivery is repeated: replace the file of the same name; or, where the server "
            "forbids that, keep it if it has the right size, and stop the run if it has not."
        ),
    )


def contradictions(publishing: Publishing, naming: Naming, packing: Packing) -> Iterator[str]:
    """What does not go together, as sentences."""
    if publishing.publish == "direct" and not packing.done_marker:
        yield (
            "publish 'direct' shows files while they grow; set done_marker, so that the client can "
            "wait for it, or publish 'rename'."
        )
    if publishing.existing == "keep" and naming.overwrite:
        yield "existing 'keep' contradicts overwrite in the naming; choose one of them."
