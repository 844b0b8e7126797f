"""`lockstep approve`: let the rollout go on after a step that waits for a person."""

from functools import partial
from typing import Annotated

import typer

from lockstep_cli.commands.order import order
from lockstep_cli.order import Decide
from lockstep_cli.orders.approve import decide_approve

Step = Annotated[
    int | None,
    typer.Option(help="The step, from 1; the one that waits when absent.", min=1, max=20),
]


@order(reason="approved by hand")
def approve(step: Step = None) -> Decide:
    """Approve the step that waits for it, or whose gates did not decide in time."""
    return partial(decide_approve, step=step)
