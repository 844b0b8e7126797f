"""Our own CRDs refuse contradicting fields at apply, each with a sentence that says why."""

from pathlib import Path

import pytest
import yaml

from sandbox_apiserver.contradictions import (
    ACCEPTED,
    REFUSED,
    REVISION_ACCEPTED,
    REVISION_REFUSED,
    model_deployment,
    model_revision,
)

CRDS = Path(__file__).parents[3] / "crds"
ROOT = "/apis/serving.lockstep.dev/v1alpha1/namespaces/default"
STRICT = "?fieldValidation=Strict&dryRun=All"
DEPLOYMENTS, REVISIONS = f"{ROOT}/modeldeployments{STRICT}", f"{ROOT}/modelrevisions{STRICT}"


@pytest.fixture
async def ours(client):
    """An API server with the CRDs applied."""
    for path in CRDS.glob("*.yaml"):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        url = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        assert (await client.send("POST", url, crd))[0] == 201
    return client


@pytest.mark.parametrize(("spec", "sentence"), REFUSED)
async def test_a_model_deployment_that_contradicts_itself(ours, spec, sentence):
    status, body = await ours.send("POST", DEPLOYMENTS, model_deployment(spec))
    assert status in (400, 422)
    assert sentence in body["message"]


@pytest.mark.parametrize("spec", ACCEPTED)
async def test_a_model_deployment_that_does_not(ours, spec):
    status, body = await ours.send("POST", DEPLOYMENTS, model_deployment(spec))
    assert status == 201, body


@pytest.mark.parametrize(("spec", "sentence"), REVISION_REFUSED)
async def test_marks_that_are_refused(ours, spec, sentence):
    status, body = await ours.send("POST", REVISIONS, model_revision(spec))
    assert status in (400, 422)
    assert sentence in body["message"]


@pytest.mark.parametrize("spec", REVISION_ACCEPTED)
async def test_marks_that_are_accepted(ours, spec):
    status, body = await ours.send("POST", REVISIONS, model_revision(spec))
    assert status == 201, body
