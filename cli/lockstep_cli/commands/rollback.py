"""`lockstep rollback`: take back the revision at hand, and say what that did."""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lockstep_cli.errors import Conflict, Refused, Unavailable
from lockstep_cli.lease import Operator, find_operator
from lockstep_cli.moment import format_time
from lockstep_cli.options import Context, Kubeconfig, Name, Namespace, Output, open_cluster
from lockstep_cli.output import Format, emit, stderr, warn
from lockstep_cli.revision import parse_revision
from lockstep_cli.rollback import Rollback, plan_rollback, weight_of
from lockstep_cli.rollback_report import Outcome, explain

if TYPE_CHECKING:
    from lockstep_cli.cluster import Cluster

_PERIOD: Final = 0.1  # seconds between two looks at the weight
_TRIES: Final = 8
_NOT_YET: Final = 1  # exit code: written, but the router was not seen to follow


@dataclass(frozen=True, slots=True)
class _Order:
    """What the user asked for."""

    name: str
    reason: str
    allow_downtime: bool


def rollback(
    name: Name,
    reason: Annotated[
        str, typer.Option(help="Why; kept with the quarantined revision.")
    ] = "rolled back by hand",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    allow_downtime: Annotated[
        bool,
        typer.Option("--allow-downtime", help="Go back even to a revision that is cold."),
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="Wait until the router reports that no traffic is left.")
    ] = True,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.", min=0.1)] = 60.0,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TABLE,
) -> None:
    """Quarantine the candidate, or the stable revision when there is none, and go back."""
    order = _Order(name, _checked(reason), allow_downtime)
    cluster = open_cluster(kubeconfig, context, namespace)
    plan = _plan(cluster, order)
    operator = find_operator(cluster.leases(), datetime.now(UTC))
    if operator.missing:
        warn(f"{operator.warning}; the rollback takes effect when one runs")
    if not yes:
        _ask(plan)
    before = weight_of(cluster.deployment(name), plan.target.name)
    started = time.monotonic()
    _write(cluster, order, plan)
    seconds = None
    if wait and not operator.missing:
        seconds = _await_zero(cluster, plan, before, started, timeout)
    _report(cluster, plan, order, operator, seconds, waited=wait, output=output)


def _checked(reason: str) -> str:
    text = reason.strip()
    if not 1 <= len(text) <= 1024:
        raise Refused("--reason must have 1 to 1024 characters")
    return text


def _plan(cluster: "Cluster", order: _Order) -> Rollback:
    deployment = cluster.deployment(order.name)
    revisions = [parse_revision(item) for item in cluster.revisions(order.name)]
    return plan_rollback(deployment, revisions, order.allow_downtime)


def _ask(plan: Rollback) -> None:
    if not sys.stdin.isatty():
        raise Refused("this asks before it acts: pass --yes where nobody can answer")
    if not typer.confirm(plan.question, err=True):
        raise Refused("nothing was changed")


def _write(cluster: "Cluster", order: _Order, plan: Rollback) -> None:
    """Write the quarantine that was agreed to; a changed object is read and judged again.

    Raises:
        Refused: the same command would by now take back another revision.
    """
    mark = {"reason": order.reason, "by": cluster.whoami(), "time": format_time(datetime.now(UTC))}
    agreed = plan
    for _ in range(_TRIES):
        try:
            cluster.quarantine(plan.target.name, plan.target.resource_version, mark)
            return
        except (Conflict, Unavailable):
            if cluster.revision(plan.target.name)["spec"].get("quarantine") == mark:
                return  # the write arrived and only its answer was lost
        plan = _plan(cluster, order)
        if (plan.target.name, plan.fallback.name) != (agreed.target.name, agreed.fallback.name):
            raise Refused(
                f"{order.name} changed meanwhile: now {plan.target.name} would be taken back; "
                "nothing was changed, run the command again"
            )
    raise Refused(f"{agreed.target.name} keeps changing; nothing was changed, try again")


def _await_zero(
    cluster: "Cluster", plan: Rollback, before: float | None, started: float, timeout: float
) -> float | None:
    """Return the seconds until the router was seen to send the target nothing, or None."""
    with stderr().status(f"{plan.target.name}: waiting for the router") as line:
        while time.monotonic() - started < timeout:
            weight = weight_of(cluster.deployment(plan.deployment), plan.target.name)
            if weight == 0 and (before or _seen_quarantined(cluster, plan)):
                return time.monotonic() - started
            shown = "not reported" if weight is None else f"{weight:.2f} %"
            line.update(f"{plan.target.name}: {shown} of the traffic")
            time.sleep(_PERIOD)
    return None


def _seen_quarantined(cluster: "Cluster", plan: Rollback) -> bool:
    """Tell whether the operator has acted on the mark; weight 0 says nothing if it was 0 before."""
    status: dict[str, Any] = cluster.revision(plan.target.name).get("status") or {}
    return status.get("role") == "quarantined"


def _report(
    cluster: "Cluster",
    plan: Rollback,
    order: _Order,
    operator: Operator,
    seconds: float | None,
    *,
    waited: bool,
    output: Format,
) -> None:
    outcome = Outcome(
        plan=plan,
        namespace=cluster.namespace,
        deployment=cluster.deployment(order.name),
        target=cluster.revision(plan.target.name),
        operator=operator,
        waited=waited,
        seconds=seconds,
    )
    emit(outcome.machine(), explain(outcome), output)
    if waited and seconds is None:
        raise typer.Exit(_NOT_YET)
