"""`lockstep abort`: stop what is under way, without a quarantine."""

from lockstep_cli.commands.order import order_with_reason
from lockstep_cli.orders.abort import decide_abort

abort = order_with_reason(
    "abort",
    decide_abort,
    "aborted by hand",
    "Give the candidate no traffic, and drop an order to bring back a cold revision.",
)
