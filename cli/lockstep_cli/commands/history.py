"""`lockstep history`: every revision that is kept, in the order of promotion."""

from lockstep_cli.history import machine, read_history
from lockstep_cli.options import Context, Kubeconfig, Name, Namespace, Output, open_cluster
from lockstep_cli.output import Format, emit
from lockstep_cli.tables import history_table


def history(
    name: Name,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """List the revisions: when each was promoted and why, whether it could come back, quarantines.

    STATE: warm (it has ready pods), cold (they would have to start), unrestorable (the last start
    failed).
    """
    cluster = open_cluster(kubeconfig, context, namespace)
    found = cluster.revisions(name)
    if not found:
        cluster.deployment(name)  # a deleted one may have left quarantined revisions; no error then
    rows = read_history(found)
    emit(machine(rows), history_table(rows) if rows else "No revision yet.", output)
