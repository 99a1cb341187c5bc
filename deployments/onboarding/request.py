"""What an operator gives to get a proposal; each field is an option of the command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from deployments.client_files import FOLDER


@dataclass(frozen=True)
class OnboardRequest:
    """`column` and `status` are pairs NAME=VALUE; `server` and `account` may be empty, and
    `list_id` 0."""

    client: Annotated[
        str, typer.Argument(help="Short name: lower-case letters, digits and dashes.")
    ]
    sample: Annotated[
        Path,
        typer.Argument(help="A file as the client will send it; zip, gz, .xlsx are opened."),
    ]
    list_id: Annotated[
        int, typer.Option("--list", help="Id of the MailUp list of all records.")
    ] = 0
    server: Annotated[
        str, typer.Option(help="Block of the server.", show_default="sftp-server/CLIENT")
    ] = ""
    account: Annotated[
        str, typer.Option(help="Block of the MailUp account.", show_default="CLIENT")
    ] = ""
    folder: Annotated[str, typer.Option(help="Folder on the server where the files arrive.")] = "."
    pattern: Annotated[
        str, typer.Option(help="Glob of file names.", show_default="the sample's, digits aside")
    ] = ""
    zone: Annotated[str, typer.Option(help="Time zone of the client.")] = "Europe/Rome"
    language: Annotated[Literal["en", "it"], typer.Option(help="Language of the reject files.")] = (
        "en"
    )
    exports: Annotated[
        str, typer.Option(metavar="KINDS", help="Exports to deploy, with commas; empty for none.")
    ] = "unsubscribed,email-statistics"
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TARGET",
            help="Decide a column: email, mobile, prefix, list, group, group:SIGN for several "
            "with a sign between them, field:NAME, field:NAME:%d/%m/%Y for a date; NAME=status for "
            "who agreed; NAME= leaves it out. May be repeated.",
        ),
    ] = None
    consent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNEL=GROUND",
            help="Who agreed to email or sms: CHANNEL=column:NAME; CHANNEL=all:YYYY-MM-DD:WHO, the "
            "day on which somebody at the client stated it for everybody; CHANNEL=none. May be "
            "repeated, also for all with a column that takes people out.",
        ),
    ] = None
    status: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VALUE=MEANING",
            help="What a value of the column that says who agreed means: subscribed, unsubscribed, "
            "or leave_out; =MEANING for an empty cell; sms:VALUE=MEANING for SMS. May be "
            "repeated.",
        ),
    ] = None
    create_groups: Annotated[
        bool | None,
        typer.Option(
            "--create-groups/--no-create-groups",
            help="Whether groups are created that the list does not have.",
        ),
    ] = None
    member: Annotated[
        str, typer.Option(help="File to take from a zip of several, by name or glob.")
    ] = ""
    sheet: Annotated[str, typer.Option(help="Sheet of an Excel workbook, by name or number.")] = ""
    final_newline: Annotated[
        Literal["required", "any"],
        typer.Option(help="Whether the last line of the files has to end with a line break."),
    ] = "required"
    region: Annotated[str, typer.Option(help="Country of numbers without prefix, such as IT.")] = ""
    encoding: Annotated[str, typer.Option(help="Encoding of the files.")] = "auto"
    show_words: Annotated[
        bool,
        typer.Option(
            "--show-words",
            help="Write nothing; print the words of the sample that decide its encoding. They are "
            "names of people.",
        ),
    ] = False
    separator: Annotated[str, typer.Option(help="; , | or tab.")] = "auto"
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether line 1 names columns."),
    ] = None
    ask: Annotated[
        bool,
        typer.Option(
            "--ask/--no-ask", help="Ask open questions at the terminal.", show_default="at one"
        ),
    ] = True
    force: Annotated[bool, typer.Option("--force", help="Replace the client's file.")] = False
    into: Annotated[
        Path, typer.Option(help="Folder in which it is written.", show_default="deployments")
    ] = FOLDER
