"""`lockstep promote`: the candidate takes over now."""

from lockstep_cli.commands.order import order_with_reason
from lockstep_cli.orders.promote import decide_promote

promote = order_with_reason(
    "promote",
    decide_promote,
    "promoted by hand",
    "Promote the candidate once it is ready, whatever steps, approvals and gates are left.",
)
