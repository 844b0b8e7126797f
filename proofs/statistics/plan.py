"""What is simulated, and what is promised of it."""

from dataclasses import dataclass, replace

from lockstep_operator.api.gates import Gate
from proofs.statistics.conditions import Batches, Bursts, Conditions, Harm
from proofs.statistics.rollouts import GATES

# Of harmless candidates, per rollout, in every one of these conditions.
PROMISED_FALSE_ALARMS = 0.05

PLAIN = Conditions("plain traffic, 100/s, 5-25-50 %")
_ROUGH_BURSTS = Bursts(60, 1, 5, 0.4)
_BATCHED = replace(
    PLAIN,
    name="answers of 1 row, every 50th of 500, nine in ten of them alike; 30/s, 50 %",
    rate=30,
    weights=(50.0,),
    batches=Batches(1, 500, share=0.02, alike=0.9),
)
CONDITIONS = (
    PLAIN,
    replace(
        PLAIN,
        name="bursts on each side by itself: 30 % errors for 1-5 s every 120 s",
        alone=Bursts(120, 1, 5, 0.3),
    ),
    replace(
        PLAIN,
        name="rough: 40 % errors for 1-5 s every 60 s on each side by itself",
        alone=_ROUGH_BURSTS,
    ),
    replace(
        PLAIN,
        name="rough, steps of 15 minutes",
        hold=900,
        alone=_ROUGH_BURSTS,
    ),
    replace(PLAIN, name="rough, with a look every second", alone=_ROUGH_BURSTS, pace=False),
    replace(
        PLAIN,
        name="outages of both: 50 % errors for 1-8 s every 60 s",
        both=Bursts(60, 1, 8, 0.5),
    ),
    replace(
        PLAIN,
        name="outages of both at 10/s, 50 %",
        rate=10,
        weights=(50.0,),
        hold=300,
        both=Bursts(60, 1, 8, 0.5),
    ),
    replace(PLAIN, name="a day's change of mix, load and latency in 240 s", mix=240.0),
    replace(PLAIN, name="unequal load 5/95 %, 300/s", rate=300, weights=(5.0,)),
    replace(PLAIN, name="equal load 50/50 %, 30/s", rate=30, weights=(50.0,)),
    replace(PLAIN, name="a pod or router restarts every 10 s", restarts=10.0),
    replace(
        PLAIN,
        name="low traffic 0.2/s, 50 %, outages of both",
        rate=0.2,
        weights=(50.0,),
        hold=1800,
        both=Bursts(600, 5, 60, 0.5),
    ),
    replace(
        PLAIN,
        name="answers of 50 equal rows at 30/s, 50 %",
        rate=30,
        weights=(50.0,),
        batches=Batches(50, 50, share=1.0, alike=1.0),
    ),
    _BATCHED,
)


@dataclass(frozen=True, slots=True)
class Search:
    """A harm that is to be found by one gate.

    Attributes:
        metric: the gate that is asked; it has the share of alpha of one of five gates in three
            steps, as in a rollout with all of them.
        within: promised median of the seconds to the fail; None: only reported.
    """

    harm: Harm
    conditions: Conditions
    metric: str
    weight: float
    hold: int
    within: int | None = None

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gate, and four more that only share alpha."""
        asked = next(gate for gate in GATES if gate.metric == self.metric)
        idle = (Gate(metric="goldenRequests", name=f"idle-{k}") for k in range(4))
        return (asked, *idle)


_WIDE = replace(PLAIN, name="15/s of 300/s", rate=300.0)
_EVEN = replace(PLAIN, name="15/s of 30/s", rate=30.0)
_LOW = replace(PLAIN, name="0.1/s of 0.2/s", rate=0.2)
_ROUGH = replace(_WIDE, name="15/s of 300/s, rough", alone=_ROUGH_BURSTS)
_DAY = replace(_WIDE, name="15/s of 300/s, daily change", mix=240.0)
_RESTARTS = replace(_WIDE, name="15/s of 300/s, restarts", restarts=10.0)
_BATCHES = replace(_BATCHED, name="15/s of 30/s, answers of 1 or 500 rows")
_PAIRS = replace(PLAIN, name="20 pairs/s", mirror=20.0)
_FEW_PAIRS = replace(PLAIN, name="2 pairs/s", mirror=2.0)

_HALF = Harm("+50 % errors", errors=0.5)
_LEAN = Harm("60 % of the answers become one class", leaning=0.6)
_SLOW = Harm("latency x2", slower=2.0)
_SHUFFLED = Harm("40 % of the answers differ", disagreement=0.4)

SEARCHES = (
    Search(_HALF, _WIDE, "errorRate", 5, 60, within=13),
    Search(_HALF, _EVEN, "errorRate", 50, 60, within=17),
    Search(_HALF, _ROUGH, "errorRate", 5, 60, within=17),
    Search(_HALF, _RESTARTS, "errorRate", 5, 60, within=15),
    Search(_HALF, _LOW, "errorRate", 50, 2400),
    Search(replace(_HALF, name="+50 % errors after 5 min", begins=300), _WIDE, "errorRate", 5, 420),
    Search(Harm("+5 % errors", errors=0.05), _WIDE, "errorRate", 5, 300, within=150),
    Search(Harm("+5 % errors", errors=0.05), _EVEN, "errorRate", 50, 600),
    Search(Harm("+2 % errors", errors=0.02), _WIDE, "errorRate", 5, 1200),
    Search(Harm("latency x1.2, which is allowed", slower=1.2), _WIDE, "latencyP95", 5, 300),
    Search(_SLOW, _WIDE, "latencyP95", 5, 300, within=60),
    Search(_SLOW, _WIDE, "latencyP99", 5, 300, within=180),
    Search(_SLOW, _DAY, "latencyP95", 5, 300, within=90),
    Search(_LEAN, _WIDE, "predictionShift", 5, 120, within=20),
    Search(_LEAN, _EVEN, "predictionShift", 50, 120, within=25),
    Search(_LEAN, _DAY, "predictionShift", 5, 120, within=40),
    Search(_LEAN, _BATCHES, "predictionShift", 50, 120, within=25),
    Search(
        replace(_LEAN, name="30 % become one class", leaning=0.3), _WIDE, "predictionShift", 5, 120
    ),
    Search(_SHUFFLED, _PAIRS, "shadowDisagreement", 5, 120, within=18),
    Search(_SHUFFLED, _FEW_PAIRS, "shadowDisagreement", 5, 300),
    Search(
        Harm("60 % of the answers differ", disagreement=0.6),
        _PAIRS,
        "shadowDisagreement",
        5,
        120,
        within=15,
    ),
)
