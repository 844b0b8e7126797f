"""Sentences that several orders end with: what git asks for, and how to undo."""

from lockstep_cli.asking import in_words
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


def git_after_quarantine(situation: Situation, target: Revision) -> tuple[str, ...]:
    """Return what there is to say on the manifest once a revision is quarantined."""
    if situation.deployment is None:
        return ()
    if not situation.asks_for(target):
        return (
            f"The manifest does not ask for {target.name}: {how_it_differs(situation, target)}.",
        )
    return (
        f"The manifest, and git if it comes from there, still asks for {made_of(target)}. "
        "Applying it again moves nothing; the ModelDeployment is Ready again once its manifest "
        "asks for another version, or for the previous one.",
    )


def git_for_candidate(situation: Situation, candidate: Revision) -> str:
    """Return what there is to say on the manifest once a candidate may go on."""
    if situation.asks_for(candidate):
        return "Git asks for this version already: nothing to do there."
    return (
        f"The manifest asks for another version by now, which takes this one's place: "
        f"{how_it_differs(situation, candidate)}."
    )


def made_of(revision: Revision) -> str:
    """Return a revision's name with its model, which revisions may share."""
    return f"{revision.name} ({revision.model_uri})"


def how_it_differs(situation: Situation, revision: Revision) -> str:
    """Return in a clause what the manifest asks for that a revision is not made of."""
    return f"it differs in {in_words(situation.differing(revision))}"


def how_it_starts(situation: Situation) -> str:
    """Return in a clause how a revision that the manifest asks for gets its traffic."""
    if situation.stable is None:
        return "takes all traffic at once when a pod is ready, as no revision is stable"
    if situation.replaces:
        return "replaces the stable revision: requests get 503 meanwhile"
    return "rolls out from step one" if situation.has_steps else "is promoted once it is ready"


def how_to_release(situation: Situation, revision: str) -> tuple[str, ...]:
    """Return how to lift a quarantine, the command in a line of its own."""
    return (
        f"To release {revision} from quarantine:",
        f"  {release_command(situation, revision)}",
    )


def release_command(situation: Situation, revision: str) -> str:
    """Return the command that lifts a quarantine."""
    return f"lockstep release {situation.name} {revision} -n {situation.namespace}"


def what_it_does(situation: Situation) -> str:
    """Return what the rollout does instead, to end a refusal with; empty where nothing is told."""
    return f": {situation.message}" if situation.message else ""
