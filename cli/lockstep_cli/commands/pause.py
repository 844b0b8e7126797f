"""`lockstep pause`: the rollout stays at the weight it has."""

from lockstep_cli.commands.order import order_with_reason
from lockstep_cli.orders.pause import decide_pause

pause = order_with_reason(
    "pause",
    decide_pause,
    "paused by hand",
    "Keep the rollout at the weight it has; a gate that fails still takes the candidate back.",
)
