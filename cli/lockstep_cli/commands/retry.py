"""`lockstep retry`: start an aborted rollout again."""

from lockstep_cli.commands.order import order_without_reason
from lockstep_cli.orders.retry import decide_retry

retry = order_without_reason(
    "retry",
    decide_retry,
    "Start an aborted rollout again, at step one.",
)
