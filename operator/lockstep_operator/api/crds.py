"""Generate the CRDs from the API types: `python -m lockstep_operator.api.crds [--check] DIR`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from lockstep_operator.api.group import GROUP, MODEL_DEPLOYMENT, MODEL_REVISION, VERSION
from lockstep_operator.api.modeldeployment import ModelDeployment
from lockstep_operator.api.modelrevision import ModelRevision
from lockstep_operator.api.structural import structural_schema

Schema = dict[str, Any]

_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _condition(name: str, kind: str) -> Schema:
    path = f'.status.conditions[?(@.type=="{kind}")].status'
    return {"name": name, "type": "string", "jsonPath": path}


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> Schema:
    column = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


DEPLOYMENT_COLUMNS = [
    _condition("Available", "Available"),
    _condition("Ready", "Ready"),
    _column("Stable", ".status.stableRevision"),
    _column("Candidate", ".status.candidateRevision"),
    _column("Weight", ".status.rollout.weight", "number"),
    _column("URL", ".status.address.url", priority=1),
    _AGE,
]
REVISION_COLUMNS = [
    _column("Role", ".status.role"),
    _column("Weight", ".status.weight", "number"),
    _column("Ready", ".status.readyReplicas", "integer"),
    _column("Model", ".spec.content.model.uri"),
    _column("Quarantine", ".spec.quarantine.reason"),
    _column("Digest", ".spec.observed.digest", priority=1),
    _AGE,
]


def crd(kind: str, short: str, model: type[BaseModel], columns: Sequence[Schema]) -> Schema:
    """Return the CustomResourceDefinition of one kind."""
    plural = f"{kind.lower()}s"
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": list(columns),
        "schema": {"openAPIV3Schema": structural_schema(model)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["all", "lockstep"],
            },
            "versions": [version],
        },
    }


def all_crds() -> dict[str, Schema]:
    """Return file name -> CustomResourceDefinition."""
    return {
        "modeldeployments.yaml": crd(MODEL_DEPLOYMENT, "md", ModelDeployment, DEPLOYMENT_COLUMNS),
        "modelrevisions.yaml": crd(MODEL_REVISION, "mrev", ModelRevision, REVISION_COLUMNS),
    }


def render(document: Schema) -> str:
    """Return the YAML text of one CRD, with a note of where it comes from."""
    note = "# Generated from operator/lockstep_operator/api by `make crds`; do not edit.\n"
    return note + yaml.safe_dump(document, sort_keys=False, width=100)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the CRDs to a folder, or with --check say which files there differ."""
    parser = argparse.ArgumentParser(
        prog="python -m lockstep_operator.api.crds", description=__doc__
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    parser.add_argument("dir", type=Path)
    args = parser.parse_args(argv)
    stale = []
    for name, document in all_crds().items():
        path, text = args.dir / name, render(document)
        if args.check and (not path.exists() or path.read_text() != text):
            stale.append(str(path))
        elif not args.check:
            path.write_text(text)
    for path_text in stale:
        sys.stderr.write(f"{path_text} is not what the API types say: run `make crds`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
