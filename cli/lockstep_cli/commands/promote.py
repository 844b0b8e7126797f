"""`lockstep promote`: the candidate takes over now."""

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
from lockstep_cli.orders.promote import decide_promote
from lockstep_cli.output import Format


def promote(
    name: Name,
    reason: Reason = "promoted by hand",
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Promote the candidate once it is ready, whatever steps, approvals and gates are left."""
    request = Request(name, reason, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, decide_promote)
