"""Model names with odd characters, quoted in URLs."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from lockstep_runtime.app import App
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from runtime import estimators

ROW = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}]}


@pytest.mark.parametrize("name", ["team/wine 1", "vín", "a%2Fb", "50%", "a:b", "x.y~z", "?#"])
async def test_a_quoted_name_finds_its_model(
    name: str, make_engine: Callable[[Any], InferenceEngine]
) -> None:
    state = ServingState(name, "r-1")
    state.loaded(make_engine(estimators.wine()))
    app = App(state, Recorder("r-1"), InferLimits(10_000), access_log=False)
    transport = httpx.ASGITransport(app=app)
    path = quote(name, safe="")
    async with httpx.AsyncClient(transport=transport, base_url="http://runtime") as client:
        for url in (f"/v2/models/{path}/infer", f"/v2/models/{path}/versions/r-1/infer"):
            answer = await client.post(url, json=ROW)
            assert (answer.status_code, answer.json()["model_name"]) == (200, name)
        answer = await client.post(f"/v1/models/{path}:predict", json={"instances": [[1.0] * 13]})
        assert answer.status_code == 200
        for url in (f"/v2/models/{path}", f"/v2/models/{path}/ready", f"/v1/models/{path}"):
            assert (await client.get(url)).json()["name"] == name
        assert (await client.get(f"/v2/models/{path}x")).status_code == 404
