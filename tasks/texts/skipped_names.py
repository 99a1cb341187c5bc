"""Notices about files that are skipped for their names; the names are never shown."""

from blocks.errors.shown import in_markdown
from tasks.records.results.reasons import Language

NOTICE_NAME = "NOT-TAKEN.txt"
"""Name of the notice in the client's results folder."""

NOTICES: dict[Language, str] = {
    "en": (
        "Some files next to this folder are not imported because of their names, which contain "
        "line breaks or\r\nother control characters, backslashes, or more than 255 bytes. Please "
        "rename these files; they are then\r\nimported. This notice is not deleted "
        "automatically.\r\n"
    ),
    "it": (
        "Alcuni file accanto a questa cartella non vengono importati a causa del nome, che "
        "contiene interruzioni\r\ndi riga o altri caratteri di controllo, barre inverse, o più di "
        "255 byte. Rinominateli: verranno importati.\r\nQuesto avviso non si cancella "
        "automaticamente.\r\n"
    ),
}


def notice(language: Language) -> bytes:
    """The notice for the client; always the same bytes."""
    return NOTICES[language].encode()


def for_operators(folder: str, number: int) -> str:
    """The notice for operators, as Markdown."""
    return (
        f"## Files skipped for their names\n\n**{number}** in {in_markdown(folder)}: their names "
        "contain control characters, backslashes or path separators. Some servers interpret such "
        f"names as commands, so they are never used. The client finds `{NOTICE_NAME}` in its "
        "results folder; ask the client to rename the files.\n"
    )
