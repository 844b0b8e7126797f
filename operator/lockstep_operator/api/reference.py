"""Write the field reference: `python -m lockstep_operator.api.reference [--check] FILE`.

It walks the CRDs as `make crds` writes them, so what a reader finds is what the API server
enforces: types, defaults, bounds and rules.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lockstep_operator.api.crds import all_crds

Schema = dict[str, Any]

_INTRO = """\
<!-- Generated from the CRDs by `make crds`; do not edit. -->
# Reference

All fields of `serving.lockstep.dev/v1alpha1`. `kubectl explain md.spec` shows the same.
A list is written `name[]`, a map `name.*`.
"""
_ROW = "| {} | {} | {} | {} |"


def reference() -> str:
    """Return the Markdown page."""
    return "\n".join([_INTRO, *(_kind(crd) for crd in all_crds().values())])


def _kind(crd: Schema) -> str:
    names, (version,) = crd["spec"]["names"], crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    lines = [f"## {names['kind']}", "", f"`kubectl get {names['shortNames'][0]}`."]
    lines += [schema.get("description", ""), *_bullets(schema)]
    for part in ("spec", "status"):
        section = schema["properties"][part]
        lines += ["", f"### {names['kind']}.{part}", "", section.get("description", "")]
        lines += [*_bullets(section), ""]
        lines += [_ROW.format("Field", "Type", "Default", "Meaning"), _ROW.format(*["---"] * 4)]
        lines += [_row(path, field, needed) for path, field, needed in _fields(section)]
    return "\n".join(lines) + "\n"


def _fields(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Yield each field below `schema` with its path, and whether it is required there."""
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, field, name in required
        yield from _fields(field, here)
        yield from _fields(field.get("items", {}), f"{here}[]")
        below = field.get("additionalProperties", {})
        yield from _fields(below if isinstance(below, dict) else {}, f"{here}.*")


def _row(path: str, field: Schema, required: bool) -> str:
    default = "required" if required else _default(field)
    meaning = [field.get("description", ""), *_bounds(field), *_rules(field)]
    text = " ".join(part for part in meaning if part).replace("|", "\\|").replace("\n", " ")
    return _ROW.format(f"`{path}`", _type(field), default, text)


def _type(field: Schema) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return "time" if field.get("format") == "date-time" else str(field.get("type", "any"))


def _default(field: Schema) -> str:
    if "default" not in field or field["default"] == {}:
        return ""
    return f"`{json.dumps(field['default'])}`"


def _bounds(field: Schema) -> Iterator[str]:
    if "pattern" in field and "description" not in field:
        yield f"Pattern `{field['pattern']}`."
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ):
        if most in field and field[most] < 2**53:
            low, high = field.get(least, 0), field[most]
            yield f"{high}{unit}." if low == high else f"{low} to {high}{unit}."


def _rules(field: Schema) -> Iterator[str]:
    for rule in field.get("x-kubernetes-validations", []):
        yield f"Rule: {rule['message']}."


def _bullets(schema: Schema) -> list[str]:
    return ["", *(f"- {text}" for text in _rules(schema))] if _rules_of(schema) else []


def _rules_of(schema: Schema) -> list[Schema]:
    rules: list[Schema] = schema.get("x-kubernetes-validations", [])
    return rules


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or with --check say whether it differs."""
    parser = argparse.ArgumentParser(prog="python -m lockstep_operator.api.reference")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    parser.add_argument("file", type=Path)
    args = parser.parse_args(argv)
    text = reference()
    if not args.check:
        args.file.write_text(text, encoding="utf-8")
        return 0
    if args.file.exists() and args.file.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{args.file} is not what the CRDs say: run `make crds`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
