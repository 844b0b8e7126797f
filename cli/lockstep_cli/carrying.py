"""From what the user asked for to what came of it: decide, ask, write, follow, report."""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import typer

from lockstep_cli.errors import NotFound, Refused
from lockstep_cli.following import Seen, follow
from lockstep_cli.lease import Operator, find_operator
from lockstep_cli.moment import format_time
from lockstep_cli.order import Decide, Mark, Order
from lockstep_cli.output import Format, agrees, emit, warn
from lockstep_cli.report import Outcome, explain
from lockstep_cli.situation import Situation, read_situation
from lockstep_cli.writing import check_agreed, write_order

if TYPE_CHECKING:
    from lockstep_cli.cluster import Cluster

NOT_SEEN: Final = 1  # exit code: written, but not seen to take effect


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `timeout` in seconds; None: as long as such an order takes."""

    name: str
    reason: str
    yes: bool
    wait: bool
    timeout: float | None
    output: Format


def look_at(cluster: "Cluster", name: str, *, deleted: bool = False) -> Situation:
    """Read a ModelDeployment and its revisions; `deleted`: its revisions alone will do.

    Raises:
        NotFound: it is not there.
    """
    revisions = cluster.revisions(name)
    try:
        deployment = cluster.deployment(name)
    except NotFound:
        if not (deleted and revisions):
            raise
        return read_situation(name, cluster.namespace, None, revisions)
    return read_situation(name, cluster.namespace, deployment, revisions)


def carry_out(
    cluster: "Cluster", request: Request, decide: Decide, *, deleted: bool = False
) -> None:
    """Do what one command asks for; the exit code is 1 when it was not seen to take effect.

    Raises:
        CliError: it is refused, or could not be written.
    """
    look = partial(look_at, cluster, request.name, deleted=deleted)
    reason, by = _checked(request.reason), cluster.whoami()
    mark = _mark(reason, by)
    order = decide(look(), mark)
    operator = find_operator(cluster.leases(), datetime.now(UTC))
    if operator.missing:
        warn(f"{operator.warning}; what you order takes effect when one runs")
    if not (request.yes or order.harmless):
        agreed, mark = _ask(order), _mark(reason, by)
        order = decide(look(), mark)
        check_agreed(order, agreed)
    started = time.monotonic()
    write_order(cluster, order, lambda: decide(look(), mark))
    seen = None
    if order.goal and request.wait and not operator.missing:
        seen = follow(look, order.goal, started, request.timeout or order.goal.seconds)
    _report(cluster, request, order, operator, seen)


def _mark(reason: str, by: str) -> Mark:
    """Return the mark of this moment; one is kept for all tries, so that it is recognised."""
    return Mark(reason, by, format_time(datetime.now(UTC)))


def _checked(reason: str) -> str:
    text = reason.strip()
    if not 1 <= len(text) <= 1024:
        raise Refused("--reason must have 1 to 1024 characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("--reason is not text in UTF-8") from None
    return text


def _ask(order: Order) -> dict[str, str]:
    """Return what the user agreed to."""
    if not sys.stdin.isatty():
        raise Refused("this asks before it acts: pass --yes where nobody can answer")
    if not agrees(order.question):
        raise Refused("nothing was changed")
    return order.wishes


def _report(
    cluster: "Cluster", request: Request, order: Order, operator: Operator, seen: Seen | None
) -> None:
    outcome = Outcome(order, request.name, cluster.namespace, operator, seen)
    emit(outcome.machine(), explain(outcome), request.output)
    if order.goal and request.wait and not outcome.took_effect:
        raise typer.Exit(NOT_SEEN)
