"""What pydantic refuses, for somebody who has to correct a deployment file."""

import difflib
import types
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from deployments.checking.yaml_lines import PathStep

_QUOTED = "put it in quotes, for YAML reads it as something else than text"


def refusals(kind: Any, value: Any) -> Iterator[tuple[tuple[PathStep, ...], str]]:
    """Where and why a parameter of type `kind` refuses a value, each with accepted and remedy."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            steps = tuple(step for step in fault["loc"] if step != "[key]")
            yield steps, _sentence(kind, steps, fault)


def _sentence(kind: Any, steps: Sequence[PathStep], fault: ErrorDetails) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return unknown(str(steps[-1]), _keys(kind, steps[:-1]))
        case "missing":
            return f"is missing; accepted is: {_described(kind, steps)} Add it."
        case "literal_error":
            choices = str(fault["ctx"]["expected"])
            return f"{_shown(fault)} is refused; accepted is {choices}; write one of them."
        case "value_error":
            return str(fault["ctx"]["error"])
        case "string_type" if isinstance(fault["input"], bool | int | float):
            return f"{_shown(fault)} is refused; accepted is text; {_QUOTED}."
    problem = fault["msg"][:1].lower() + fault["msg"][1:]
    accepted = _described(kind, steps)
    return f"{_shown(fault)} is refused; accepted is: {accepted} Correct it ({problem})."


def unknown(name: str, accepted: Collection[str]) -> str:
    """Second half of a sentence about a key that nobody reads."""
    return f"there is no such key; accepted is {', '.join(accepted)}; {meant(name, accepted)}."


def meant(name: str, accepted: Collection[str]) -> str:
    """The remedy for a name that is not accepted: the nearest one, if one is near."""
    near = difflib.get_close_matches(name, list(accepted), n=1)
    return f"write {near[0]}" if near else "take it out"


def _shown(fault: ErrorDetails) -> str:
    text = repr(fault["input"])
    return text if len(text) <= 60 else "the value"


def _described(kind: Any, steps: Sequence[PathStep]) -> str:
    """The description of the field that the steps lead to: the text of the form in the UI."""
    for depth in range(len(steps), 0, -1):
        model = _model(kind, steps[: depth - 1])
        name = steps[depth - 1]
        if model is not None and name in model.model_fields:
            return model.model_fields[str(name)].description or f"{name}."
    return "a value of the parameter's type."


def _keys(kind: Any, steps: Sequence[PathStep]) -> list[str]:
    model = _model(kind, steps)
    return list(model.model_fields) if model is not None else []


def _model(kind: Any, steps: Sequence[PathStep]) -> type[BaseModel] | None:
    """The model that the steps lead to, through fields, lists and optional values."""
    for step in steps:
        model = _bare(kind)
        if isinstance(model, type) and issubclass(model, BaseModel) and step in model.model_fields:
            kind = model.model_fields[str(step)].annotation
        elif get_origin(model) in (list, tuple) and isinstance(step, int):
            kind = get_args(model)[0]
        else:
            return None
    model = _bare(kind)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _bare(kind: Any) -> Any:
    """A type without Annotated and without None."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        rest = [each for each in get_args(kind) if each is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else kind
    return kind
