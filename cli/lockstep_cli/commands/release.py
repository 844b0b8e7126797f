"""`lockstep release`: lift a quarantine."""

from functools import partial

from lockstep_cli.carrying import Request, carry_out
from lockstep_cli.options import (
    NO_REASON,
    Context,
    Kubeconfig,
    Name,
    Namespace,
    Output,
    RevisionName,
    Timeout,
    Wait,
    Yes,
    open_cluster,
)
from lockstep_cli.orders.release import decide_release
from lockstep_cli.output import Format


def release(
    name: Name,
    revision: RevisionName,
    yes: Yes = False,
    wait: Wait = True,
    timeout: Timeout = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Lift the quarantine of a revision; if the manifest asks for it, it starts at step one."""
    request = Request(name, NO_REASON, yes, wait, timeout, output)
    cluster = open_cluster(kubeconfig, context, namespace)
    carry_out(cluster, request, partial(decide_release, revision=revision), deleted=True)
