"""What /openapi.json says beyond what FastAPI knows: inference paths, errors, the names in URLs.

OpenAPI cannot say that `data` must hold as many values as `shape` tells; everything else is true.
"""

from typing import Any

from fastapi import FastAPI

from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import DATATYPES

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_BINARY = "application/octet-stream"


def _object(required: tuple[str, ...], **properties: Any) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def json_answer(description: str, schema: Schema) -> Schema:
    """Return an OpenAPI response or request body of JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


ERROR = json_answer("what is wrong", _object(("error",), error=_TEXT))
READINESS = json_answer(
    "whether the model takes requests",
    _object(("name", "ready"), name=_TEXT, ready={"type": "boolean"}),
)
_OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}  # a null counts as absent
_PARAMETERS: Schema = {"type": ["object", "null"]}
_METADATA_TENSOR = _object(
    ("name", "datatype", "shape"),
    name=_TEXT,
    datatype={"type": "string", "enum": list(DATATYPES)},
    shape=_list({"type": "integer", "minimum": -1}),
)
METADATA = json_answer(
    "the model",
    _object(
        ("name", "versions", "platform", "inputs", "outputs"),
        name=_TEXT,
        versions=_list(_TEXT),
        platform=_TEXT,
        inputs=_list(_METADATA_TENSOR),
        outputs=_list(_METADATA_TENSOR),
        parameters={"type": "object"},
    ),
)


INDEX_REQUEST = json_answer("only what is ready, or all", _object((), ready={"type": "boolean"}))
INDEX = json_answer(
    "the model",
    _list(
        _object(
            ("name", "version", "state", "reason"),
            name=_TEXT,
            version=_TEXT,
            state=_TEXT,
            reason=_TEXT,
        )
    ),
)


def _tensor(*required: str) -> Schema:
    return _object(
        ("name", "shape", "datatype", *required),
        name={"type": "string", "minLength": 1},
        shape=_list({"type": "integer", "minimum": 1}, minItems=1, maxItems=32),
        datatype={"type": "string", "enum": list(DATATYPES)},
        data={
            "type": ["array", "null"],
            "items": {},
            "description": "flat or nested, row-major; absent where binary data is sent",
        },
        parameters=_PARAMETERS,
    )


def _v2() -> Schema:
    named = _object(("name",), name={"type": "string", "minLength": 1}, parameters=_PARAMETERS)
    request = _object(
        ("inputs",),
        id=_OPTIONAL_TEXT,
        inputs=_list(_tensor(), minItems=1),
        outputs={"type": ["array", "null"], "items": named},
        parameters=_PARAMETERS,
    )
    answer = _object(
        ("model_name", "model_version", "outputs"),
        model_name=_TEXT,
        model_version=_TEXT,
        id=_TEXT,
        outputs=_list(_tensor()),
    )
    bytes_ = {"schema": {"type": "string", "format": "binary"}}
    body = json_answer("inputs, and which outputs", request)
    body["content"][_BINARY] = bytes_
    outputs = json_answer("the outputs", answer)
    outputs["content"][_BINARY] = bytes_
    length = {
        "name": "Inference-Header-Content-Length",
        "in": "header",
        "schema": {"type": "integer", "minimum": 0},
        "description": "length of the JSON that binary data follows",
    }
    return _operation("Predict", body, outputs, [length])


def _v1() -> Schema:
    rows = _list({}, minItems=1)
    body = json_answer(
        "rows, or columns by name",
        {
            "oneOf": [
                _object(("instances",), instances=rows),
                _object(("inputs",), inputs={"oneOf": [rows, {"type": "object"}]}),
            ]
        },
    )
    answer = json_answer(
        "the first output's rows", _object(("predictions",), predictions=_list({}))
    )
    return _operation("Predict, KServe's V1 protocol", body, answer, [])


def _operation(summary: str, body: Schema, answer: Schema, headers: list[Schema]) -> Schema:
    timeout = {
        "name": "Timeout",
        "in": "header",
        "schema": {"type": "number", "exclusiveMinimum": 0},
        "description": "seconds that the request may wait for the model",
    }
    return {
        "tags": ["inference"],
        "summary": summary,
        "parameters": [*headers, timeout],
        "requestBody": {"required": True, **body},
        "responses": {"200": answer},
    }


def describe_api(app: FastAPI, state: ServingState) -> None:
    """Make the app's OpenAPI document whole and true."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        paths = document["paths"]
        versioned = "/v2/models/{model}/versions/{version}/infer"
        for path, operation in (
            ("/v2/models/{model}/infer", _v2),
            (versioned, _v2),
            ("/v1/models/{model}:predict", _v1),
        ):
            paths.setdefault(path, {"post": operation()})
        for path, methods in paths.items():
            for operation in methods.values():
                _complete(path, operation, state)
        document.get("components", {}).pop("schemas", None)  # FastAPI's own errors, never sent
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(path: str, operation: Schema, state: ServingState) -> None:
    operation["responses"].pop("422", None)
    operation["responses"].setdefault("default", ERROR)
    names = {"model": state.name, "version": state.revision}
    others = [one for one in operation.get("parameters", ()) if one["in"] != "path"]
    in_path = [
        {"name": key, "in": "path", "required": True, "schema": {"type": "string", "enum": [name]}}
        for key, name in names.items()
        if f"{{{key}}}" in path
    ]
    operation["parameters"] = [*in_path, *others]
