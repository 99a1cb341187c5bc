"""What is told about files whose names cannot be used; the names themselves are shown nowhere."""

from blocks.errors.shown import in_markdown
from tasks.records.results.reasons import Language

NOTICE_NAME = "NOT-TAKEN.txt"
"""Name of the notice in the client's results folder."""

NOTICES: dict[Language, str] = {
    "en": (
        "Some files beside this folder are not imported, because of their names: these hold line "
        "breaks or other\r\ncontrol characters, backslashes, or more than 255 bytes. Please give "
        "them other names. They are imported\r\nthen. This notice is not taken away by itself.\r\n"
    ),
    "it": (
        "Alcuni file accanto a questa cartella non vengono importati a causa del nome: contiene a "
        "capo o altri\r\ncaratteri di controllo, barre inverse, o più di 255 byte. Rinominateli: "
        "verranno importati.\r\nQuesto avviso non si cancella da solo.\r\n"
    ),
}


def notice(language: Language) -> bytes:
    """The client's notice, the same each time."""
    return NOTICES[language].encode()


def for_operators(folder: str, number: int) -> str:
    """The operator's Markdown."""
    return (
        f"## Files that are passed over\n\n**{number}** in {in_markdown(folder)}: their names hold "
        "control characters, backslashes or path steps. Such names are commands on some servers, "
        f"so they are used nowhere. The client finds `{NOTICE_NAME}` in its results folder; ask it "
        "to rename them.\n"
    )
