"""`lockstep promote`: the candidate takes over now."""

from lockstep_cli.commands.order import order
from lockstep_cli.order import Decide
from lockstep_cli.orders.promote import decide_promote


@order(reason="promoted by hand")
def promote() -> Decide:
    """Promote the candidate once it is ready, whatever steps, approvals and gates are left."""
    return decide_promote
