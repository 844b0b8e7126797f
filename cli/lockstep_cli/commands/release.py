"""`lockstep release`: lift a quarantine."""

from functools import partial

from lockstep_cli.commands.order import order
from lockstep_cli.options import RevisionName
from lockstep_cli.order import Decide
from lockstep_cli.orders.release import decide_release


@order(reason="released with lockstep", deleted=True)
def release(revision: RevisionName) -> Decide:
    """Lift the quarantine of a revision; if the manifest asks for it, it rolls out again."""
    return partial(decide_release, revision=revision)
