"""What is judged now."""

from dataclasses import dataclass
from datetime import datetime

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.names import MODEL_PORT

# Probability, per rollout, that a harmless candidate is quarantined by its statistical gates.
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """A candidate at one step.

    Attributes:
        step: 0 before the first; then only golden requests are asked.
        since: when the step's weight was first carried; evidence begins there.
        assignment: which requests of the candidate are compared with stable's `split`: `split`,
            or `mirror` at a step of weight 0.
        steps: how many steps the rollout has, over which alpha is divided.
        port: where the candidate's pods take requests.
    """

    candidate: str
    stable: str | None
    step: int
    steps: int
    since: datetime
    assignment: str
    gates: tuple[Gate, ...]
    port: int = MODEL_PORT

    @property
    def alpha(self) -> float:
        """The share of `ALPHA` that one gate may spend at this step."""
        return ALPHA / max(1, len(self.gates) * max(1, self.steps))
