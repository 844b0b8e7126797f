"""`lockstep status`: what serves, with what weight, and where the rollout stands."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from lockstep_cli.carrying import look_at
from lockstep_cli.lease import find_operator
from lockstep_cli.options import Context, Kubeconfig, Namespace, Output, open_cluster
from lockstep_cli.output import Format, emit
from lockstep_cli.overview import read_overview
from lockstep_cli.status import read_status
from lockstep_cli.status_view import status_view
from lockstep_cli.tables import overview_table
from lockstep_cli.watching import watch_changes

if TYPE_CHECKING:
    from lockstep_cli.cluster import Cluster

OptionalName = Annotated[
    str | None,
    typer.Argument(
        help="Name of the ModelDeployment; all of the namespace when absent.", show_default=False
    ),
]
Watch = Annotated[
    bool,
    typer.Option(
        "--watch",
        "-w",
        help="Keep showing it until Ctrl-C. With -o json or yaml, and in a pipe: one document "
        "whenever something other than a clock has changed.",
    ),
]


def status(
    name: OptionalName = None,
    watch: Watch = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Show weights, step, gates with their numbers, orders in force and conditions."""
    cluster = open_cluster(kubeconfig, context, namespace)

    def look() -> tuple[Any, RenderableType]:
        return _all(cluster) if name is None else _one(cluster, name)

    if watch:
        watch_changes(look, output)
    else:
        machine, view = look()
        emit(machine, view, output)


def _one(cluster: "Cluster", name: str) -> tuple[Any, RenderableType]:
    situation = look_at(cluster, name)
    now = datetime.now(UTC)
    seen = read_status(situation, find_operator(cluster.leases(), now), now)
    return seen.machine(), status_view(seen)


def _all(cluster: "Cluster") -> tuple[Any, RenderableType]:
    lines = read_overview(cluster.deployments())
    nothing = Text(f"No ModelDeployment in namespace {cluster.namespace}.")
    return [line.machine() for line in lines], overview_table(lines) if lines else nothing
