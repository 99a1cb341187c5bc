"""Promises of the layouts: documented headers and order, clear refusals."""

import pytest

from blocks.errors import ConfigurationError
from tasks.reports.kinds import LAYOUTS
from tasks.reports.output import layouts
from tasks.reports.output.layouts import ExtraField, Layout
from tasks.reports.rows import EVENT, SMS_OUTCOME, SUBSCRIPTION, UNSUBSCRIPTION

SCHEMAS = {
    "unsubscribed": UNSUBSCRIPTION,
    "email_statistics": EVENT,
    "cumulative": EVENT,
    "sms_outcomes": SMS_OUTCOME,
    "subscribed": SUBSCRIPTION,
}


def headers(layout: Layout, *chosen: str) -> list[str]:
    """The headers of a file with a choice of columns."""
    return [column.header for column in layout.columns(chosen)]


@pytest.mark.parametrize(
    ("name", "usual", "compulsory"),
    [
        (
            "unsubscribed",
            "email,Phone Number,idList,OptOut_Date,Subscription Date,optout_nl,optout_type",
            "email",
        ),
        (
            "email_statistics",
            "idList,idInvio,idNl,email,subject,statusType,details,statusChange,sentDate",
            "idList,email,subject,statusChange",
        ),
        (
            "cumulative",
            "idList,idInvio,idNl,email,subject,statusType,details,statusChange,sentDate",
            "idList,email,subject,statusType,statusChange",
        ),
        (
            "sms_outcomes",
            "recipient,idList,idSMS,sentdate,responsedate,status",
            "recipient,idList,idSMS,sentdate,responsedate,status",
        ),
        ("subscribed", "email,Phone Number,idList,Subscription Date", "email"),
    ],
)
def test_headers_are_the_documented_ones(name: str, usual: str, compulsory: str) -> None:
    """Without a choice a file has the usual columns, with one at least the compulsory ones."""
    assert headers(LAYOUTS[name]) == usual.split(",")
    first = compulsory.split(",")[0]
    assert headers(LAYOUTS[name], first) == compulsory.split(",")


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_column_has_its_source(name: str) -> None:
    """Each column shows one of the rows' columns, in the form that the type of that one has."""
    kinds = {"Int64": "id", "String": "text"}
    for column in LAYOUTS[name].available:
        kind = str(SCHEMAS[name][column.source])
        assert column.cell == kinds.get(kind, "date"), column.header


def test_chosen_columns_keep_the_documented_order() -> None:
    """The order of the choice does not matter, nor does a compulsory column in it."""
    chosen = ("optout_subtype", "idList", "email")
    assert headers(layouts.UNSUBSCRIBED, *chosen) == ["email", "idList", "optout_subtype"]


def test_extra_fields_come_last_with_their_names() -> None:
    """Recipient fields follow in the order given, each under its name."""
    fields = [ExtraField(12, " Città "), ExtraField(1, "Nome")]
    columns = layouts.SUBSCRIBED.columns((), fields)
    assert [(c.header, c.source, c.cell) for c in columns[-2:]] == [
        ("Città", "field_12", "text"),
        ("Nome", "field_1", "text"),
    ]
    assert len(columns) == 6


@pytest.mark.parametrize("header", ["idlist", "Idlist", "", "list_id", "statusType"])
def test_an_unknown_column_is_refused(header: str) -> None:
    """A header that the layout lacks is refused with those that it has."""
    text = "accepted are exactly email, Phone Number, idList, Subscription Date"
    with pytest.raises(ConfigurationError, match=text):
        layouts.SUBSCRIBED.columns(["email", header])
    assert text in layouts.SUBSCRIBED.mistake(["email", header])
    assert layouts.SUBSCRIBED.mistake(["email"]) == ""


@pytest.mark.parametrize(
    ("layout", "fields", "expected"),
    [
        (layouts.EMAIL_STATISTICS, [ExtraField(1, "Nome")], "accepts no recipient fields"),
        (layouts.CUMULATIVE, [ExtraField(1, "Nome")], "accepts no recipient fields"),
        (layouts.SUBSCRIBED, [ExtraField(7, " ")], "Field 7 has no name"),
        (layouts.SUBSCRIBED, [ExtraField(7, "EMAIL")], "field 7 is also the header of another"),
        (layouts.SMS_OUTCOMES, [ExtraField(7, "Status")], "field 7 is also the header of another"),
        (
            layouts.SUBSCRIBED,
            [ExtraField(1, "a"), ExtraField(2, "A")],
            "field 1 is also the header",
        ),
    ],
)
def test_fields_that_cannot_be_columns_are_refused(
    layout: Layout, fields: list[ExtraField], expected: str
) -> None:
    """Recipient fields without a name, with a taken one, or where they do not belong."""
    with pytest.raises(ConfigurationError, match=expected):
        layout.columns((), fields)
