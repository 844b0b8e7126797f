"""The examples against the schema of the CRDs, with unknown fields refused."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    strict = dict(schema)
    if "properties" in schema:
        properties = schema["properties"]
        strict["properties"] = {name: _strict(field) for name, field in properties.items()}
        strict["additionalProperties"] = False
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    return strict


@pytest.fixture(scope="module")
def schema():
    crd = yaml.safe_load((ROOT / "crds" / "modeldeployments.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    whole = version["schema"]["openAPIV3Schema"]
    strict = _strict(whole)
    strict["properties"]["metadata"] = {"type": "object"}
    return strict


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_valid(path, schema):
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        jsonschema.validate(document, schema)
