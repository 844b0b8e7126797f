"""What `make bench-runtime` says about figures; the figures themselves need a quiet machine."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.runtime import plan, plot, report
from benchmarks.runtime.dialects import V2, BentoJson, Fixed, V2Binary
from benchmarks.runtime.errors import BenchmarkError
from benchmarks.runtime.plan import CONNECTIONS, Payload
from benchmarks.runtime.results import Results
from benchmarks.runtime.rounds import Round
from benchmarks.runtime.targets import verdicts

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]])
OURS = Round(12_000.0, 0.001, 0.004, (80e-6,), 0.2, 0.0)


def results(**rates: float) -> Results:
    """Figures of the main table by server; CPU per request is the inverse of the rate."""
    found = Results(plan.parts(quick=True, only=()))
    titles = {"ours": plan.OURS, "kserve": plan.KSERVE, "batching": plan.MLSERVER_BATCHING}
    for name, rate in rates.items():
        title = titles.get(name, plan.UVICORN)
        for connections in CONNECTIONS:
            cell = (found.parts[0].title, Payload("JSON", 1), connections, title)
            found.rounds[cell] = [replace(OURS, rate=rate, cpu=(1 / rate,))]
    return found


def test_targets_are_judged_by_the_best_peer() -> None:
    reached = [one.reached for one in verdicts(results(ours=12e3, kserve=1e3, uvicorn=36e3))]
    assert reached == [True] * 8
    found = verdicts(results(ours=12e3, kserve=1e3, batching=3e3, uvicorn=36e3))
    assert [one.reached for one in found[:3]] == [True, False, False]
    assert found[2].found == "4.0 times; 12.0 times without MLServer's adaptive batching"


def test_a_target_without_its_servers_is_neither_reached_nor_missed() -> None:
    assert {one.reached for one in verdicts(results(uvicorn=36e3))} == {None}
    assert "not measured" in report.markdown(results(), ["context"])


def test_the_page_keeps_what_is_around_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write(page, "new\n")
    report.write(page, "newer\n")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnewer\n\n{report.END}\nafter\n"
    page.write_text(report.END)
    with pytest.raises(BenchmarkError, match="needs both markers"):
        report.write(page, "new\n")


def test_the_picture_has_a_bar_for_each_server_and_number_of_connections(tmp_path: Path) -> None:
    path = tmp_path / "plot.svg"
    plot.draw(results(ours=12e3, uvicorn=36e3), "this <machine>", path)
    bars = ElementTree.parse(path).findall("{http://www.w3.org/2000/svg}rect")  # noqa: S314
    assert len(bars) == 1 + 2 * len(CONNECTIONS)


def test_requests_and_answers_of_each_dialect() -> None:
    assert json.loads(V2(output="predict").request(ROWS).body) == {
        "inputs": [
            {"name": "input", "shape": [2, 4], "datatype": "FP64", "data": ROWS.ravel().tolist()}
        ],
        "outputs": [{"name": "predict"}],
    }
    answer = {"outputs": [{"name": "x", "shape": [2, 1], "datatype": "INT64", "data": [0, 2]}]}
    assert V2().classes(json.dumps(answer).encode(), {}) == [0, 2]
    asked = V2Binary("FP32").request(ROWS)
    length = int(asked.headers["inference-header-content-length"])
    assert asked.body[length:] == ROWS.astype("<f4").tobytes()
    assert BentoJson().classes(b"[0,2]", {}) == [0, 2]
    with pytest.raises(ValueError, match="answered"):
        Fixed().classes(b'{"error":"no"}', {})
