"""What a rollback did, what happens next, and what git still asks for."""

from dataclasses import dataclass
from typing import Any

from rich.text import Text

from lockstep_cli.lease import Operator
from lockstep_cli.rollback import Rollback, release_command, still_asked_for

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A rollback that was written. `seconds` until the router was seen to follow, or None."""

    plan: Rollback
    namespace: str
    deployment: Manifest
    target: Manifest
    operator: Operator
    waited: bool
    seconds: float | None

    @property
    def asked_for(self) -> bool:
        """True when the manifest still asks for what was taken back."""
        return still_asked_for(self.deployment, self.target)

    def machine(self) -> Manifest:
        """Return the form for `-o json` and `-o yaml`: camelCase names that do not change."""
        return {
            "name": self.plan.deployment,
            "namespace": self.namespace,
            "quarantined": self.plan.target.name,
            "quarantine": self.target["spec"].get("quarantine"),
            "fallback": self.plan.fallback.name,
            "wasCandidate": self.plan.candidate,
            "trafficGone": self.seconds is not None,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "manifestStillAsksForIt": self.asked_for,
            "release": release_command(self.namespace, self.plan.target.name),
        }


def explain(outcome: Outcome) -> Text:
    """Return the explanation for people."""
    parts = [_done(outcome), _next(outcome)]
    if outcome.asked_for:
        uri = outcome.target["spec"]["content"]["model"]["uri"]
        parts.append(
            f"The manifest, and git if it comes from there, still asks for {uri}. Applying it "
            "again moves nothing; the ModelDeployment is Ready again once its manifest asks for "
            "another version, or for the previous one."
        )
    lift = release_command(outcome.namespace, outcome.plan.target.name)
    parts.append(f"To release {outcome.plan.target.name} from quarantine:\n  {lift}")
    return Text("\n".join(parts))


def _done(outcome: Outcome) -> str:
    target, fallback = outcome.plan.target.name, outcome.plan.fallback.name
    if outcome.seconds is not None:
        return (
            f"Rolled back: {target} is quarantined and gets no traffic since "
            f"{outcome.seconds:.2f} s after the write; {fallback} serves."
        )
    if not outcome.waited:
        return f"{target} is quarantined; the operator now moves its traffic to {fallback}."
    if outcome.operator.missing:
        return f"{target} is quarantined, but no operator runs: its traffic has not moved."
    return (
        f"{target} is quarantined, but the router was not yet seen to move its traffic to "
        f"{fallback}; look at `lockstep status {outcome.plan.deployment}`."
    )


def _next(outcome: Outcome) -> str:
    fallback = outcome.plan.fallback
    if outcome.operator.missing:
        return "The quarantine is kept; the first operator that runs acts on it."
    if fallback.warmth == "cold":
        return f"{fallback.name} was cold: requests fail until its pods have loaded the model."
    return f"{fallback.name} was warm: no pod starts and no model is loaded."
