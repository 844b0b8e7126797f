"""The inference paths in /openapi.json, which FastAPI cannot know: they never reach it."""

from typing import Any

from fastapi import FastAPI

from lockstep_runtime.tensors import DATATYPES

_PATHS = ("/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer")


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _tensor() -> dict[str, Any]:
    return _object(
        ("name", "shape", "datatype", "data"),
        name={"type": "string"},
        shape={"type": "array", "items": {"type": "integer", "minimum": 1}},
        datatype={"type": "string", "enum": list(DATATYPES)},
        data={"type": "array", "items": {}, "description": "flat or nested, row-major"},
    )


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(path: str) -> dict[str, Any]:
    text = {"type": "string"}
    tensors = {"type": "array", "items": _tensor()}
    names = {"type": "array", "items": _object(("name",), name=text)}
    answer = _object(
        ("model_name", "model_version", "outputs"),
        model_name=text,
        model_version=text,
        id=text,
        outputs=tensors,
    )
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": text}
        for name in ("model", "version")
        if f"{{{name}}}" in path
    ]
    return {
        "tags": ["inference"],
        "summary": "Predict",
        "parameters": parameters,
        "requestBody": {
            "required": True,
            **_json(
                "inputs, and which outputs",
                _object(("inputs",), id=text, inputs=tensors, outputs=names),
            ),
        },
        "responses": {
            "200": _json("the outputs", answer),
            "4XX": _json("what is wrong with the request", _object(("error",), error=text)),
        },
    }


def describe_inference(app: FastAPI) -> None:
    """Make the app's OpenAPI document tell of the inference paths too."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for path in _PATHS:
            document["paths"].setdefault(path, {"post": _operation(path)})
        return document

    app.openapi = openapi  # type: ignore[method-assign]
