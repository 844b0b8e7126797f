"""Sentences that several orders end with: what git asks for, and how to undo."""

from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


def git_after_quarantine(situation: Situation, target: Revision) -> tuple[str, ...]:
    """Return what there is to say on the manifest once a revision is quarantined."""
    if not situation.asks_for(target):
        return ()
    return (
        f"The manifest, and git if it comes from there, still asks for {target.model_uri}. "
        "Applying it again moves nothing; the ModelDeployment is Ready again once its manifest "
        "asks for another version, or for the previous one.",
    )


def how_to_release(situation: Situation, revision: str) -> str:
    """Return how to lift a quarantine."""
    command = release_command(situation, revision)
    return f"To release {revision} from quarantine:\n  {command}"


def release_command(situation: Situation, revision: str) -> str:
    """Return the command that lifts a quarantine."""
    return f"lockstep release {situation.name} {revision} -n {situation.namespace}"


def what_it_does(situation: Situation) -> str:
    """Return what the rollout does instead, to end a refusal with; empty where nothing is told."""
    return f": {situation.message}" if situation.message else ""
