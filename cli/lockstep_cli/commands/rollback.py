"""`lockstep rollback`: take back the revision at hand, and say what that did."""

from functools import partial
from typing import Annotated

import typer

from lockstep_cli.commands.order import order
from lockstep_cli.options import AllowDowntime
from lockstep_cli.order import Decide
from lockstep_cli.orders.rollback import decide_rollback

To = Annotated[
    str | None,
    typer.Option(help="Go back to this revision: name, end of name, or number of its promotion."),
]


@order(reason="rolled back by hand")
def rollback(to: To = None, allow_downtime: AllowDowntime = False) -> Decide:
    """Take back the candidate, or the stable revision when there is none, and go back.

    Where the revision before is warm, this quarantines what is taken back. Where it is cold, or
    with --to, its pods are started first, and the traffic moves when they are ready.
    """
    return partial(decide_rollback, to=to, allow_downtime=allow_downtime)
