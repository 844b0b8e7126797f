"""`lockstep resume`: end somebody's pause of the rollout."""

from lockstep_cli.commands.order import order
from lockstep_cli.order import Decide
from lockstep_cli.orders.resume import decide_resume


@order(reason=None)
def resume() -> Decide:
    """Go on with a rollout that was paused with `lockstep pause`."""
    return decide_resume
