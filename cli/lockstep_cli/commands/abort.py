"""`lockstep abort`: stop what is under way, without a quarantine."""

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
from lockstep_cli.orders.abort import decide_abort
from lockstep_cli.output import Format


def abort(
    name: Name,
    reason: Reason = "aborted by hand",
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Give the candidate no traffic, and drop an order to bring back a cold revision."""
    request = Request(name, reason, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, decide_abort)
