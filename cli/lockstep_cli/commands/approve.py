"""`lockstep approve`: let the rollout go on after a step that waits for a person."""

from functools import partial
from typing import Annotated

import typer

from lockstep_cli.carrying import Request, carry_out
from lockstep_cli.options import (
    Context,
    Kubeconfig,
    Name,
    Namespace,
    Output,
    Reason,
    Timeout,
    Wait,
    Yes,
    open_cluster,
)
from lockstep_cli.orders.approve import decide_approve
from lockstep_cli.output import Format

Step = Annotated[
    int | None,
    typer.Option(help="The step, from 1; the one that waits when absent.", min=1, max=20),
]


def approve(
    name: Name,
    reason: Reason = "approved by hand",
    step: Step = None,
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Approve the step that waits for it, or whose gates did not decide in time."""
    request = Request(name, reason, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, partial(decide_approve, step=step))
