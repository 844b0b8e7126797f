"""`lockstep status`: what serves, with what weight, and where the rollout stands."""

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from lockstep_cli.errors import CliError, NotFound, Unavailable
from lockstep_cli.lease import find_operator
from lockstep_cli.options import Context, Kubeconfig, Name, Namespace, Output, open_cluster
from lockstep_cli.output import Format, emit, stdout
from lockstep_cli.status import Status, read_status
from lockstep_cli.tables import status_view

if TYPE_CHECKING:
    from lockstep_cli.cluster import Cluster

_PERIOD: Final = 1.0  # seconds between two looks of --watch


def status(
    name: Name,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing changes.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Show revisions, weights, the step of the rollout and the conditions."""
    cluster = open_cluster(kubeconfig, context, namespace)
    if not watch:
        seen = look(cluster, name)
        emit(seen.machine(), status_view(seen), output)
    elif output is Format.TABLE and sys.stdout.isatty():
        _show_live(cluster, name)
    else:
        _print_changes(cluster, name, output)


def look(cluster: "Cluster", name: str) -> Status:
    """Read everything that the status shows."""
    deployment = cluster.deployment(name)
    now = datetime.now(UTC)
    operator = find_operator(cluster.leases(), now)
    return read_status(deployment, cluster.revisions(name), operator, now)


def _show_live(cluster: "Cluster", name: str) -> None:
    """Redraw until Ctrl-C; an API server that does not answer is said below the last view."""
    view = status_view(look(cluster, name))
    with Live(view, console=stdout(), auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(_PERIOD)
            try:
                view = status_view(look(cluster, name))
                live.update(view, refresh=True)
            except NotFound:
                raise
            except CliError as error:
                live.update(Group(view, Text(f"\n{error}", style="red")), refresh=True)


def _print_changes(cluster: "Cluster", name: str, output: Format) -> None:
    """Print a document when something other than a clock has changed; for pipes and logs."""
    before = None
    while True:
        seen = _look_if_possible(cluster, name)
        if seen is not None and _without_clocks(seen) != before:
            before = _without_clocks(seen)
            emit(seen.machine(), status_view(seen), output)
        time.sleep(_PERIOD)


def _look_if_possible(cluster: "Cluster", name: str) -> Status | None:
    try:
        return look(cluster, name)
    except Unavailable:
        return None  # asked again in a second


def _without_clocks(seen: Status) -> str:
    document = seen.machine()
    for condition in document["conditions"]:
        del condition["ageSeconds"]
    if document["rollout"]:
        del document["rollout"]["holdLeftSeconds"]
    return json.dumps(document)
