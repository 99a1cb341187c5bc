"""The contract finds every fault, cannot be switched off, and shows no values."""

from typing import Any

import polars as pl
import pytest
from pandera.config import config_context

from blocks.errors import RunStopped
from tasks.records.frames import LINE
from tasks.records.mapping.resolve import ResolvedMapping, resolve_mapping
from tasks.records.mapping.settings import Column, Mapping
from tasks.records.mapping.transforms import apply_transforms
from tasks.records.validation.row_rules import faults, row_rules
from tasks.records.validation.validate import reject, validate

EMAIL = {"column": "email", "target": "email"}
SECRET = "secret-value"


def binding(*columns: dict[str, Any], **settings: Any) -> ResolvedMapping:
    mapping = Mapping(columns=[Column(**column) for column in columns], **settings)
    groups = {7: {1: "News", 2: "Old"}, 8: {3: "Only in 8"}}
    list_id = 0 if mapping.lists else 7
    names = [column["column"] for column in columns]
    fields = {number: f"f{number}" for number in range(1, 40)}
    return resolve_mapping(mapping, names, fields, list_id=list_id, groups=groups)


def reasons(bound: ResolvedMapping, *cells: str) -> list[tuple[str, str]]:
    """(client's column, reason) of all faults of one row."""
    row = dict(zip(bound.file_columns, cells, strict=True))
    frame = pl.DataFrame({LINE: [2]} | row)
    agreed = row_rules(bound)
    rejects = reject([validate(frame, agreed).invalid], agreed).rejects
    if rejects.is_empty():
        return []
    return list(zip(rejects["columns"][0], rejects["reasons"][0], strict=True))


def field(**settings: Any) -> dict[str, Any]:
    return {"column": "x", "target": "field", "field": "5"} | settings


@pytest.mark.parametrize(
    ("rule", "good", "bad", "reason"),
    [
        (field(date_in="%d/%m/%Y"), "31/12/1999", "31/02/1999", "date_invalid"),
        (field(length=5), " 12345 ", "1234", "length_wrong"),
        (field(), "x" * 200, "x" * 201, "value_too_long"),
        (field(), "😀" * 100, "😀" * 101, "value_too_long"),
        (field(), "è" * 200, "è" * 201, "value_too_long"),
        (field(required=True), "x", " \u00a0\u200b", "required_blank"),
        (field(blank="reject"), "x", "", "blank_refused"),
        ({"column": "x", "target": "mobile"}, "3331234567", "0612345678", "mobile_invalid"),
        ({"column": "x", "target": "mobile"}, "", "x", "mobile_invalid"),
        ({"column": "x", "target": "group"}, "News", "Only in 8", "group_unknown"),
        ({"column": "x", "target": "group"}, "2", "9", "group_unknown"),
        ({"column": "x", "target": "status"}, " 1", "yes", "status_unknown"),
        ({"column": "x", "target": "status", "required": True}, "0", "", "required_blank"),
    ],
)
def test_each_fault_has_its_reason(rule: dict[str, Any], good: str, bad: str, reason: str) -> None:
    """A good cell passes; a bad one is refused with the client's column name and the reason."""
    bound = binding(EMAIL, rule)
    assert reasons(bound, "a@b.it", good) == []
    assert reasons(bound, "a@b.it", bad) == [("x", reason)]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [("7", None), ("007", None), ("8", None), ("9", "list_not_allowed"), ("x", "list_unknown"),
     ("-7", "list_unknown"), ("7.0", "list_unknown"), ("", "required_blank")],
)  # fmt: skip
def test_rows_go_to_agreed_lists_only(cell: str, reason: str | None) -> None:
    """A file cannot write to a list that was not agreed."""
    bound = binding(EMAIL, {"column": "x", "target": "list"}, lists=[7, 8])
    assert reasons(bound, "a@b.it", cell) == ([("x", reason)] if reason else [])


@pytest.mark.parametrize(
    ("key", "email", "mobile", "expected"),
    [
        ("email", "", "3331234567", [("email", "email_missing")]),
        ("email", "a@b.it", "", []),
        ("mobile", "a@b.it", "", [("cell", "mobile_missing")]),
        ("mobile", "", "3331234567", []),
        ("both", "", "", [("email", "key_missing")]),
        ("both", "", "3331234567", []),
        ("both", "a@b.it", "", []),
        ("both", "x", "3331234567", [("email", "email_invalid")]),
        ("email", "x", "y", [("email", "email_invalid"), ("cell", "mobile_invalid")]),
    ],
)
def test_the_key_has_to_be_there(
    key: str, email: str, mobile: str, expected: list[tuple[str, str]]
) -> None:
    """A record without its key is refused; with several faults all of them are reported."""
    bound = binding(EMAIL, {"column": "cell", "target": "mobile"}, key=key)
    assert reasons(bound, email, mobile) == expected


def test_a_wrong_prefix_is_the_prefix_columns_fault() -> None:
    """The prefix column has a reason of its own."""
    bound = binding(
        EMAIL, {"column": "cell", "target": "mobile"}, {"column": "p", "target": "prefix"}
    )
    assert reasons(bound, "a@b.it", "3331234567", "zz") == [("p", "prefix_invalid")]


@pytest.mark.parametrize(
    "switch", [{"validation_enabled": False}, {"validation_depth": "SCHEMA_ONLY"}]
)
def test_the_contract_cannot_be_switched_off(switch: dict[str, Any]) -> None:
    """pandera's own switches do not let a bad record through."""
    with config_context(**switch):
        assert reasons(binding(EMAIL), "x") == [("email", "email_invalid")]


def test_no_value_leaves_in_an_error() -> None:
    """A frame of a wrong form stops the run, without a value of it in text or context."""
    bound = binding(EMAIL)
    frame = pl.DataFrame({LINE: [2], "email": [SECRET]})
    normal = apply_transforms(frame, bound).with_columns(email=pl.Series([SECRET.encode()]))
    with pytest.raises(RunStopped) as caught:
        faults(normal, row_rules(bound))
    seen = f"{caught.value} {caught.value.context} {caught.value.__cause__}"
    assert SECRET not in seen
