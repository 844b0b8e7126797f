"""What the rollout wants now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lockstep_operator.api.modeldeployment import Phase


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rollout wants now.

    Attributes:
        weights: in hundredths by revision, absent is 0.
        phase: what the rollout is doing, None when there is none.
        promote: a revision to record as stable.
        quarantine: why the candidate is to be quarantined, None when it is not.
        abort: why the operator itself ends the candidate's rollout, None when it does not.
        step: from 1; 0 is before the first, when the candidate gets no requests of any kind.
        hold_until: until when the step is held whatever the gates say.
        wake_at: when time alone moves it on.
        waiting_for: ready pods needed by revision.
    """

    weights: Mapping[str, int]
    phase: Phase | None = None
    promote: str | None = None
    quarantine: str | None = None
    abort: str | None = None
    step: int = 0
    step_started_at: datetime | None = None
    hold_until: datetime | None = None
    wake_at: datetime | None = None
    message: str = ""
    waiting_for: Mapping[str, int] = field(default_factory=dict)
