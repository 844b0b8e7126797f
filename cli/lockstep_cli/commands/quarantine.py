"""`lockstep quarantine`: keep one revision from all traffic."""

from functools import partial

from lockstep_cli.carrying import Request, carry_out
from lockstep_cli.options import (
    AllowDowntime,
    Context,
    Kubeconfig,
    Name,
    Namespace,
    Output,
    Reason,
    RevisionName,
    Timeout,
    Wait,
    Yes,
    open_cluster,
)
from lockstep_cli.orders.quarantine import decide_quarantine
from lockstep_cli.output import Format


def quarantine(
    name: Name,
    revision: RevisionName,
    reason: Reason = "quarantined by hand",
    yes: Yes = False,
    allow_downtime: AllowDowntime = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Mark a revision, so that it gets no traffic however often its manifest is applied."""
    decide = partial(decide_quarantine, revision=revision, allow_downtime=allow_downtime)
    request = Request(name, reason, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, decide)
