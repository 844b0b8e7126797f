"""The committed CRDs are what the types say, and every field has bounds."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from lockstep_operator.api.crds import all_crds, main
from lockstep_operator.api.structural import Unbounded, structural_schema

CRDS = Path(__file__).parents[3] / "crds"


def test_committed_crds_are_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(CRDS)]) == 0
    assert main(["--check", str(tmp_path)]) == 1
    assert "make crds" in capsys.readouterr().err


def test_no_defaults_where_the_operator_writes() -> None:
    for document in all_crds().values():
        [version] = document["spec"]["versions"]
        schema = version["schema"]["openAPIV3Schema"]["properties"]
        assert "'default'" not in str(schema["status"])
    assert "'default'" not in str(schema["spec"]["properties"]["content"])


@pytest.mark.parametrize("kind", [str, list[int], dict[str, bool], int])
def test_a_field_without_bounds_is_refused(kind: type) -> None:
    class Loose(BaseModel):
        field: Annotated[kind, Field()]  # type: ignore[valid-type]

    with pytest.raises(Unbounded, match="field"):
        structural_schema(Loose)
