"""`lockstep diff`: what differs between two revisions."""

from typing import Annotated

import typer

from lockstep_cli.diff import read_diff
from lockstep_cli.options import (
    Context,
    Kubeconfig,
    Name,
    Namespace,
    Output,
    RevisionName,
    open_cluster,
)
from lockstep_cli.output import Format, emit
from lockstep_cli.revision import find_revision, parse_revisions
from lockstep_cli.tables import diff_table

Other = Annotated[
    str, typer.Argument(metavar="REVISION", help="The one to compare with.", show_default=False)
]


def diff(
    name: Name,
    before: RevisionName,
    after: Other,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Compare two revisions: content, images and the bytes that were loaded."""
    cluster = open_cluster(kubeconfig, context, namespace)
    found = cluster.revisions(name)
    if not found:
        cluster.deployment(name)  # says that there is no such ModelDeployment
    revisions = parse_revisions(found)
    old, new = (find_revision(name, revisions, text) for text in (before, after))
    rows = read_diff(old, new)
    same = f"{old.name} and {new.name} have the same content, images and bytes."
    emit(rows, diff_table(rows, old.name, new.name) if rows else same, output)
