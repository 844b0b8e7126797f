"""`lockstep resume`: end somebody's pause of the rollout."""

from lockstep_cli.carrying import Request, carry_out
from lockstep_cli.options import (
    NO_REASON,
    Context,
    Kubeconfig,
    Name,
    Namespace,
    Output,
    Timeout,
    Wait,
    Yes,
    open_cluster,
)
from lockstep_cli.orders.resume import decide_resume
from lockstep_cli.output import Format


def resume(
    name: Name,
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Go on with a rollout that was paused with `lockstep pause`."""
    request = Request(name, NO_REASON, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, decide_resume)
