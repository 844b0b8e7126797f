"""`lockstep pause`: the rollout stays at the weight it has."""

from lockstep_cli.commands.order import order
from lockstep_cli.order import Decide
from lockstep_cli.orders.pause import decide_pause


@order(reason="paused by hand")
def pause() -> Decide:
    """Keep the rollout at the weight it has; a gate that fails still takes the candidate back."""
    return decide_pause
