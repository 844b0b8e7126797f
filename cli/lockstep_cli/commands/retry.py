"""`lockstep retry`: start an aborted rollout again."""

from lockstep_cli.commands.order import order
from lockstep_cli.order import Decide
from lockstep_cli.orders.retry import decide_retry


@order(reason=None)
def retry() -> Decide:
    """Start an aborted rollout again, from the beginning."""
    return decide_retry
