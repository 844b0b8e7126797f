"""`lockstep rollback`: take back the revision at hand, and say what that did."""

from functools import partial
from typing import Annotated

import typer

from lockstep_cli.carrying import Request, carry_out
from lockstep_cli.options import (
    AllowDowntime,
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
from lockstep_cli.orders.rollback import decide_rollback
from lockstep_cli.output import Format

To = Annotated[
    str | None,
    typer.Option(help="Go back to this revision: name, end of name, or number of its promotion."),
]


def rollback(
    name: Name,
    reason: Reason = "rolled back by hand",
    to: To = None,
    yes: Yes = False,
    allow_downtime: AllowDowntime = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Take back the candidate, or the stable revision when there is none, and go back.

    Where the revision before is warm, this quarantines what is taken back. Where it is cold, or
    with --to, its pods are started first, and the traffic moves when they are ready.
    """
    decide = partial(decide_rollback, to=to, allow_downtime=allow_downtime)
    request = Request(name, reason, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, decide)
