"""`lockstep resume`: end somebody's pause of the rollout."""

from lockstep_cli.commands.order import order_without_reason
from lockstep_cli.orders.resume import decide_resume

resume = order_without_reason(
    "resume",
    decide_resume,
    "Go on with a rollout that was paused with `lockstep pause`.",
)
