"""A mapping refuses contradictions, and is resolved against a file and an account."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.errors import ConfigurationError, FileHeld
from tasks.records.mapping.resolve import display_names, resolve_mapping
from tasks.records.mapping.settings import Column, Mapping

EMAIL = {"column": "email", "target": "email"}
FIELD = {"column": "name", "target": "field", "field": "1"}
FIELDS = {1: "Nome", 2: "Cognome", 12: "IDCliente"}


def mapping(*columns: dict[str, Any], **settings: Any) -> Mapping:
    return Mapping(columns=[Column(**column) for column in columns or (EMAIL,)], **settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"field": ""}, "needs field, the id"),
        ({"date_out": "%Y"}, "date_out needs date_in"),
        (
            {"date_in": "%d/%m/%Q"},
            "has the unknown directive %Q; accepted are %d, %m, %Y, %y, %H, %M, %S",
        ),
        ({"date_in": "%d/%m"}, "needs a day, a month and a year"),
        ({"date_in": "%d/%m/%Y %y"}, "has one part of the date twice"),
        ({"date_in": "dd/mm/yyyy"}, "has no part of a date"),
        ({"date_in": "%d%m%Y %M"}, "has minutes but no hours"),
        ({"date_in": "%d%m%Y %H%S"}, "has seconds but no minutes"),
        ({"date_in": "%d/%m/%Y", "date_out": "%H"}, "time of day that date_in does not read"),
        ({"date_in": "%d/%m/%Y", "case": "upper"}, "case has no effect on a date"),
        ({"required": True, "blank": "clear"}, "required contradicts blank 'clear'"),
        ({"unreadable": "blank", "required": True}, "unreadable 'blank' contradicts required"),
        ({"unreadable": "blank", "blank": "clear"}, "unreadable 'blank' contradicts required"),
        ({"unreadable": "blank", "target": "status"}, "not possible for target 'status'"),
        ({"two_digit_years": "past"}, "only for a date_in with %y"),
        ({"target": "email"}, "field is only for target 'field'"),
        ({"target": "email", "field": "", "case": "upper"}, "case is only for target 'field'"),
        ({"target": "group", "field": "", "blank": "clear"}, "'group' accepts keep or reject"),
        ({"target": "group", "field": "", "trim": False}, "other cells are always trimmed"),
        ({"separator": ","}, "separator is only for target 'group'; leave it out for 'field'"),
        ({"target": "group", "field": "", "separator": "x"}, "separator: give a sign such as"),
        ({"target": "group", "field": "", "separator": '"'}, "separator: give a sign such as"),
    ],
)
def test_a_column_refuses_contradictions(settings: dict[str, Any], sentence: str) -> None:
    """What cannot be meant is refused with a sentence that names the column and the setting."""
    with pytest.raises(ValidationError, match="Column 'name': ") as caught:
        Column(**(FIELD | settings))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "settings", "sentence"),
    [
        ([FIELD], {}, "key 'email' needs a column with target 'email'"),
        ([EMAIL], {"key": "both"}, "key 'both' needs a column with target 'mobile'"),
        ([EMAIL, {"column": "p", "target": "prefix"}], {}, "needs one with target 'mobile'"),
        ([EMAIL, EMAIL], {}, "2 columns have the target 'email'"),
        ([EMAIL, FIELD, FIELD], {}, "2 columns go to the dynamic field '1'"),
        ([EMAIL], {"default_region": "Italy"}, "two capital letters"),
        ([EMAIL, {"column": "l", "target": "list"}], {}, "give the ids of the lists"),
        ([EMAIL], {"lists": [3]}, "lists is only for mappings with a column of target 'list'"),
        ([EMAIL, {"column": "l", "target": "list"}], {"lists": [0]}, "numbers from 1"),
        ([EMAIL], {"status_values": {"S": "subscribed", "s ": "unsubscribed"}}, "each value once"),
        ([EMAIL], {"clear_unmapped_fields": True}, "has no effect"),
        ([EMAIL], {"blank_texts": [" "]}, "leave out empty texts"),
        ([EMAIL | {"unreadable": "blank"}], {}, "not possible for the key, 'email'"),
        (
            [EMAIL, FIELD | {"blank": "clear"}, FIELD | {"field": "2"}],
            {"clear_unmapped_fields": True},
            "clears all fields of a recipient or none",
        ),
    ],
)
def test_a_mapping_refuses_contradictions(
    columns: list[dict[str, Any]], settings: dict[str, Any], sentence: str
) -> None:
    """Settings that contradict each other are refused with a sentence that says why."""
    with pytest.raises(ValidationError) as caught:
        mapping(*columns, **settings)
    assert sentence in str(caught.value)


def test_every_setting_is_described_for_the_form() -> None:
    """Each field of the form has a sentence that ends with a period."""
    for model in (Column, Mapping):
        for name, field in model.model_fields.items():
            assert (field.description or "").endswith("."), name


def test_columns_are_found_by_name_by_case_and_by_position() -> None:
    """A column is meant by its exact name, by its name in another case, or by its position."""
    columns = [{"column": "MAIL ", "target": "email"}, FIELD | {"column": "#3"}]
    binding = resolve_mapping(mapping(*columns), ["id", "Mail", "Nome"], FIELDS, list_id=1)
    assert [bound.name for bound in binding.columns] == ["Mail", "Nome"]


@pytest.mark.parametrize("header", [["id", "name"], ["EMAIL", "Email"]])
def test_a_missing_or_ambiguous_column_holds_the_file(header: list[str]) -> None:
    """A header without the agreed column holds the file and says how many columns are there."""
    with pytest.raises(FileHeld) as caught:
        resolve_mapping(mapping(), header, FIELDS, list_id=1)
    assert caught.value.context["reason"] == "header"
    assert "2 " in str(caught.value)
    assert not any(f"'{name}'" in str(caught.value) for name in header)


@pytest.mark.parametrize(
    "row",
    [["Mario", "mario@example.com"], ["Mario", "3331234567"], ["Anna Segreta", "diagnosi HIV"]],
)
def test_a_file_without_header_is_held_without_showing_anybody(row: list[str]) -> None:
    """Where the first line is no header that is agreed, the message repeats nothing of it."""
    with pytest.raises(FileHeld, match="may have no header") as caught:
        resolve_mapping(mapping(), row, FIELDS, list_id=1)
    assert not any(value in f"{caught.value} {caught.value.context}" for value in row)


@pytest.mark.parametrize(("wanted", "number"), [("12", 12), ("idcliente", 12), (" NOME ", 1)])
def test_fields_are_found_by_id_and_by_name(wanted: str, number: int) -> None:
    """A dynamic field is meant by its id or by its name, letter case aside."""
    binding = resolve_mapping(
        mapping(EMAIL, FIELD | {"field": wanted}), ["email", "name"], FIELDS, list_id=1
    )
    assert [(bound.field_name, bound.field_id) for bound in binding.fields] == [
        (f"field_{number}", number)
    ]


@pytest.mark.parametrize("wanted", ["13", "Citta", "Twin"])
def test_an_unknown_or_ambiguous_field_is_a_configuration_error(wanted: str) -> None:
    """A field that the account lacks, or has twice, stops with what the account has."""
    with pytest.raises(ConfigurationError, match="'12 IDCliente'"):
        resolve_mapping(
            mapping(EMAIL, FIELD | {"field": wanted}),
            ["email", "name"],
            FIELDS | {20: "twin", 21: "TWIN"},
            list_id=1,
        )


def test_one_field_by_id_and_by_name_is_refused() -> None:
    """Two columns never end in one field, however it is called."""
    both = mapping(EMAIL, FIELD, FIELD | {"field": "nome", "column": "other"})
    with pytest.raises(ConfigurationError, match="both go to field 1"):
        resolve_mapping(both, ["email", "name", "other"], FIELDS, list_id=1)


def test_clearing_spares_fields_that_are_not_mapped() -> None:
    """Clearing is refused while it would clear fields that nobody agreed to clear."""
    clearing = (EMAIL, FIELD | {"blank": "clear"})
    with pytest.raises(ConfigurationError, match="'2 Cognome'"):
        resolve_mapping(mapping(*clearing), ["email", "name"], FIELDS, list_id=1)
    assert resolve_mapping(mapping(*clearing), ["email", "name"], {1: "Nome"}, list_id=1)
    agreed = mapping(*clearing, clear_unmapped_fields=True)
    assert resolve_mapping(agreed, ["email", "name"], FIELDS, list_id=1)


def test_records_need_a_list() -> None:
    """Without a list in the settings or in the file there is nowhere to go."""
    with pytest.raises(ConfigurationError, match="list_id"):
        resolve_mapping(mapping(), ["email"], FIELDS)


@given(st.lists(st.text("aAnN @1è", min_size=1), min_size=1, max_size=5, unique=True))
def test_nothing_of_a_first_line_is_shown_but_names_of_the_mapping(cells: list[str]) -> None:
    """Whatever is in it: a word of it is shown only if the agreement has it, and as it has it."""
    agreed, line = mapping(EMAIL, FIELD), [*(f"§{cell}" for cell in cells), " NAME"]
    assert list(display_names(line, [each.column for each in agreed.columns]).values()) == [
        *(f"#{place}" for place in range(1, len(line))),
        "name",
    ]
    with pytest.raises(FileHeld, match=f"#{len(line)} 'name'") as caught:
        resolve_mapping(agreed, line, FIELDS, list_id=1)
    assert "§" not in f"{caught.value} {caught.value.context}"
