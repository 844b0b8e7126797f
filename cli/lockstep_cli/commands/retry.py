"""`lockstep retry`: start an aborted rollout again."""

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
from lockstep_cli.orders.retry import decide_retry
from lockstep_cli.output import Format


def retry(
    name: Name,
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Start an aborted rollout again, at step one."""
    request = Request(name, NO_REASON, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, decide_retry)
