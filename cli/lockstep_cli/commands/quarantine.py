"""`lockstep quarantine`: keep one revision from all traffic."""

from functools import partial

from lockstep_cli.commands.order import order
from lockstep_cli.options import AllowDowntime, RevisionName
from lockstep_cli.order import Decide
from lockstep_cli.orders.quarantine import decide_quarantine


@order(reason="quarantined by hand")
def quarantine(revision: RevisionName, allow_downtime: AllowDowntime = False) -> Decide:
    """Mark a revision, so that it gets no traffic however often its manifest is applied."""
    return partial(decide_quarantine, revision=revision, allow_downtime=allow_downtime)
