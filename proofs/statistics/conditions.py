"""What goes on in a simulated rollout: traffic, trouble, and what is wrong with the candidate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bursts:
    """Moments of errors and slowness: exponential gaps, uniform lengths, in seconds."""

    every: float
    shortest: float
    longest: float
    errors: float
    slower: float = 3.0


@dataclass(frozen=True, slots=True)
class Batches:
    """Rows of an answer: `fewest`, but `most` in a `share` of the answers.

    `alike`: share of an answer's rows that are the same; the others are as in any answer.
    """

    fewest: int
    most: int
    share: float
    alike: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """What goes on whether or not the candidate is harmful.

    Attributes:
        rate: requests per second of users, Poisson.
        weights: the candidate's percent, a step each.
        hold: seconds of a step.
        errors: share of requests that fail at any time, on both sides.
        alone, both: bursts that hit each revision by itself, and both at once.
        mix: seconds in which the shares of the classes, the latency and the load go from one end
            to the other and back; 0: never.
        restarts: seconds between two restarts of a pod, of any revision or of the router.
        mirror: percent of the requests that the candidate gets a copy of.
        batches: how many rows answers have; None: one.
        pace: whether looks get rarer as a step goes on, as the operator's do; otherwise it looks
            every second.
    """

    name: str
    rate: float = 100.0
    weights: tuple[float, ...] = (5.0, 25.0, 50.0)
    hold: int = 120
    errors: float = 0.002
    alone: Bursts | None = None
    both: Bursts | None = None
    mix: float = 0.0
    restarts: float = 0.0
    mirror: float = 20.0
    batches: Batches | None = None
    pace: bool = True


@dataclass(frozen=True, slots=True)
class Harm:
    """What is wrong with the candidate.

    Attributes:
        errors: share of requests that fail beside all others.
        slower: factor of every latency.
        leaning: share of answers that become the first label whatever they were.
        disagreement: share of mirrored requests that are answered differently.
        begins: seconds after the step began.
    """

    name: str
    errors: float = 0.0
    slower: float = 1.0
    leaning: float = 0.0
    disagreement: float = 0.05
    begins: int = 0


HARMLESS = Harm("none")
