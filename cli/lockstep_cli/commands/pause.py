"""`lockstep pause`: the rollout stays at the weight it has."""

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
from lockstep_cli.orders.pause import decide_pause
from lockstep_cli.output import Format


def pause(
    name: Name,
    reason: Reason = "paused by hand",
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Keep the rollout at the weight it has; a gate that fails still takes the candidate back."""
    request = Request(name, reason, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, decide_pause)
