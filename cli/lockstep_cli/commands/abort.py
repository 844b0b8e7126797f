"""`lockstep abort`: stop what is under way, without a quarantine."""

from lockstep_cli.commands.order import order
from lockstep_cli.order import Decide
from lockstep_cli.orders.abort import decide_abort


@order(reason="aborted by hand")
def abort() -> Decide:
    """Give the candidate no traffic, and drop an order to bring back a cold revision."""
    return decide_abort
