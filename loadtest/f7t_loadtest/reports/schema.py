"""The JSON schema of `results.json`, from the model."""

from __future__ import annotations

import json

from f7t_loadtest.model import Run


def schema_text() -> str:
    """The schema of what is written; more keys than it names mean another version."""
    schema = Run.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"
