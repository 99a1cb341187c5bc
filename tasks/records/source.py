"""Which files of a client's folder are imported, in which order, and where they go afterwards."""

import fnmatch
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, TypeVar

from pydantic import Field, model_validator

from tasks.agreements.base import Settings
from tasks.files.remote_paths import Listed, fitting, join

_MOVING = re.compile(r"(.+)\.[0-9a-f]{8}\.being-put-away")


_File = TypeVar("_File", bound=Listed)


class Source(Settings):
    """Where a client's files are found and what happens to them."""

    folder: str = Field(default=".", description="Folder on the server in which the files arrive.")
    pattern: str = Field(
        default="*.csv",
        min_length=1,
        description="Names of the files to import, as a glob or regex.",
    )
    pattern_kind: Literal["glob", "regex"] = Field(
        default="glob", description="Kind of the pattern; a regex must match the whole name."
    )
    order: Literal["name", "modified"] = Field(
        default="name",
        description="Order in which several files are imported: by name, or oldest first.",
    )
    settle_seconds: float = Field(
        default=10,
        ge=0,
        le=600,
        description="A file is imported once its size and time are unchanged for this long.",
    )
    minimum_age_seconds: int = Field(
        default=0, ge=0, le=86400, description="A newer file is left for the next run."
    )
    afterwards: Literal["leave", "rename", "move"] = Field(
        default="move",
        description="What happens to a file after its import.",
    )
    rename_suffix: str = Field(
        default=".done",
        pattern=r"^\.[A-Za-z0-9._-]+$",
        description="Added to the name of an imported file when it is renamed.",
    )
    move_to: str = Field(
        default="imported",
        description="Folder, below the file's own, to which an imported file is moved.",
    )
    refused_suffix: str = Field(
        default=".refused",
        pattern=r"^\.[A-Za-z0-9._-]+$",
        description="Added instead of rename_suffix to the name of a file that was refused.",
    )
    refused_to: str = Field(
        default="refused",
        description="Folder, below the file's own, to which a refused file is moved.",
    )

    @model_validator(mode="after")
    def _usable(self) -> "Source":
        if self.pattern_kind == "regex":
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern is not a regular expression: {error}") from None
        for name in ("move_to", "refused_to"):
            if self.afterwards == "move" and getattr(self, name).strip("./") == "":
                raise ValueError(f"{name} is the folder itself; name another one, e.g. 'done'.")
        return self

    def takes(self, name: str) -> bool:
        """Whether a file of this name is to be imported.

        A file that is being moved (`moving_name`) always is, whatever the pattern.
        """
        if _MOVING.fullmatch(name):
            return True
        if name.startswith("."):
            return False
        suffixes = (self.rename_suffix, self.refused_suffix)
        if self.afterwards == "rename" and name.endswith(suffixes):
            return False
        if self.pattern_kind == "regex":
            return re.fullmatch(self.pattern, name) is not None
        return fnmatch.fnmatchcase(name, self.pattern)

    def path(self, name: str) -> str:
        """Path on the server of a file in the folder."""
        return join(self.folder, name)


def in_order(files: Iterable[_File], source: Source) -> list[_File]:
    """The files to be imported, in order."""
    matching = [file for file in files if source.takes(file.name)]
    if source.order == "name":
        return sorted(matching, key=lambda file: _by_name(file.name))
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(matching, key=lambda file: (file.modified_at or never, *_by_name(file.name)))


def files_named(files: Iterable[_File], name: str) -> list[_File]:
    """The file of this name, after any of that name that is being moved."""
    matching = [file for file in files if name in (file.name, own_name(file.name))]
    return sorted(matching, key=lambda file: _by_name(file.name))


def _by_name(name: str) -> tuple[str, bool, str]:
    """Sort key by name; a file that is being moved is older than one with its own name."""
    own = own_name(name)
    return own, own == name, name


def own_name(name: str) -> str:
    """The client's own name of a file, also while it is moved."""
    moving = _MOVING.fullmatch(name)
    return moving[1] if moving else name


def moving_name(name: str, sha256: str) -> str:
    """Name of an imported file until its content is verified to be the imported one."""
    return fitting(name, f".{sha256[:8]}.being-put-away")


def processed_path(source: Source, unique: str, *, refused: bool = False) -> str | None:
    """Path to which an imported or refused file is moved; None if it stays."""
    if source.afterwards == "leave":
        return None
    if source.afterwards == "rename":
        suffix = source.refused_suffix if refused else source.rename_suffix
        return source.path(fitting(unique, suffix))
    return join(join(source.folder, source.refused_to if refused else source.move_to), unique)
