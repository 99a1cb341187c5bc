"""The emulator's command line options: some settings, and `--set` for any variant."""

import argparse
from typing import Any

from sandbox.mailup.variants import BY_NAME, TABLE, Value, Variant

TEXT = {"true": True, "false": False}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add options named like the settings, and `--set`."""
    add = parser.add_argument
    add("--calls-per-second", type=int, default=5, help="limit of the account; 0 = none")
    add("--import-seconds", type=float, default=0.5, help="minimum duration of an import")
    add("--expires-in", type=int, default=3600, help="lifetime of an access token in seconds")
    add("--page-size-cap", type=int, default=None, help="largest page size")
    add(
        "--set",
        action="append",
        default=[],
        type=variant,
        metavar="NAME=VALUE",
        dest="variants",
        help="an unproven behaviour; may be repeated; see the list below",
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["behaviours, the default first:", *map(_line, TABLE)])


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The emulator's settings, from the arguments."""
    names = ("calls_per_second", "import_seconds", "expires_in", "page_size_cap")
    return {name: getattr(arguments, name) for name in names} | dict(arguments.variants)


def variant(text: str) -> tuple[str, Value]:
    """Name and value of `NAME=VALUE`; ArgumentTypeError if the table does not have them."""
    name, _, written = text.partition("=")
    if name not in BY_NAME:
        raise argparse.ArgumentTypeError(f"{name} is not in the list below")
    value = TEXT.get(written.lower(), written)
    if value not in BY_NAME[name].values:
        known = ", ".join(map(_text, BY_NAME[name].values))
        raise argparse.ArgumentTypeError(f"{name} is one of {known}")
    return name, value


def markdown() -> str:
    """The table of variants in the README."""
    head = "| setting | values, the default first | evidence | what it decides |"
    rows = [
        f"| `{one.name}` | {', '.join(f'`{_text(value)}`' for value in one.values)} "
        f"| {one.evidence}{f': {one.source}' if one.source else ''} | {one.meaning} |"
        for one in TABLE
    ]
    return "\n".join([head, "|---|---|---|---|", *rows]) + "\n"


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _line(one: Variant) -> str:
    return f"  {one.name}={'|'.join(map(_text, one.values))}\n      {one.meaning}"
