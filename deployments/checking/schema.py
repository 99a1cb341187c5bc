"""The JSON schema of clients' files, for editors: made by the models that the flows take."""

import inspect
import json
from typing import Any

from prefect import Flow
from pydantic import ConfigDict, create_model
from pydantic.json_schema import models_json_schema

from blocks.errors import Defect
from deployments.checking.rules import DEPLOYMENT_KEYS, FUNCTIONS, flow_of, parameters_of

FILE_NAME = "client-file.schema.json"
"""Beside the clients' files, which name it: `# yaml-language-server: $schema=...`."""


def client_file_schema() -> dict[str, Any]:
    """The schema: what a deployment may hold, and by its entrypoint the parameters of its flow."""
    names = {f"flows.{function}.{function}": function for function in FUNCTIONS}
    models = {entrypoint: _parameters(entrypoint, name) for entrypoint, name in names.items()}
    references, schema = models_json_schema(
        [(model, "validation") for model in models.values()], ref_template="#/$defs/{model}"
    )
    by_flow = [
        {
            "if": {"properties": {"entrypoint": {"const": entrypoint}}, "required": ["entrypoint"]},
            "then": {"properties": {"parameters": references[model, "validation"]}},
        }
        for entrypoint, model in models.items()
    ]
    entry: dict[str, Any] = {
        "type": "object",
        "required": ["name", "entrypoint"],
        "properties": {key: {} for key in DEPLOYMENT_KEYS} | {"entrypoint": {"enum": [*names]}},
        "additionalProperties": False,
        "allOf": by_flow,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Deployments of a client",
        "type": "object",
        "required": ["deployments"],
        "properties": {"deployments": {"type": "array", "minItems": 1, "items": entry}},
        "$defs": schema["$defs"],
    }


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(client_file_schema(), indent=1, ensure_ascii=False) + "\n"


def _parameters(entrypoint: str, function: str) -> Any:
    """A model of what a flow takes; a name that it does not have is refused."""
    flow = flow_of(entrypoint)
    if not isinstance(flow, Flow):
        raise Defect(f"{entrypoint} is no flow")
    fields: dict[str, Any] = {
        name: (each.annotation, ... if each.default is inspect.Parameter.empty else each.default)
        for name, each in parameters_of(flow).items()
    }
    return create_model(
        f"Parameters of {function}", __config__=ConfigDict(extra="forbid"), **fields
    )
