"""The one place where orders are written: conditional, judged again, and never guessed at."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from lockstep_cli.errors import CliError, Conflict, Refused, Unavailable, Unconfirmed
from lockstep_cli.order import Change, Order, in_force

if TYPE_CHECKING:
    from lockstep_cli.cluster import Cluster

_TRIES: Final = 8


def write_order(cluster: "Cluster", order: Order, decide_again: Callable[[], Order]) -> None:
    """Write what was agreed to; where an object has changed, it is read and judged again.

    Raises:
        Refused: the same command would by now do something else; nothing was changed.
        Unconfirmed: a part was written, or it cannot be found out whether anything was.
    """
    agreed = order.wishes
    written: set[str] = set()
    try:
        for _ in range(_TRIES):
            if _write_all(cluster, order, written):
                return
            order = decide_again()
            check_agreed(order, agreed, written)
        raise Refused(f"{order.revision} keeps changing: try again")
    except Unconfirmed:
        raise
    except CliError as error:
        if not written:
            raise
        done = " and ".join(means for name, means in agreed.items() if name in written)
        raise Unconfirmed(f"done: {done}; but not more: {error}") from error


def _write_all(cluster: "Cluster", order: Order, written: set[str]) -> bool:
    for change in order.changes:
        if change.revision not in written:
            if not _write(cluster, change):
                return False
            written.add(change.revision)
    return True


def _write(cluster: "Cluster", change: Change) -> bool:
    """Return whether the change is in force; if not, what it was decided from has changed."""
    try:
        cluster.patch_revision(change.revision, change.resource_version, change.spec)
        return True
    except Conflict:
        found = cluster.revision(change.revision)
    except Unavailable as lost:
        found = _after_lost_answer(cluster, change, lost)
    return in_force(change.spec, found["spec"])


def _after_lost_answer(
    cluster: "Cluster", change: Change, lost: Unavailable
) -> dict[str, dict[str, object]]:
    """Find out by reading whether a write arrived whose answer did not."""
    try:
        return cluster.revision(change.revision)
    except CliError as error:
        raise Unconfirmed(
            f"it is not known whether {change.revision} was changed ({lost}, then {error}): "
            "look at it before trying again"
        ) from error


def check_agreed(order: Order, agreed: dict[str, str], written: Collection[str] = ()) -> None:
    """Compare what is to be written with what the user agreed to.

    Raises:
        Refused: it is not the same any more.
    """
    left = {name: wish for name, wish in agreed.items() if name not in written}
    now = {name: wish for name, wish in order.wishes.items() if name not in written}
    if now != left:
        wish = " and ".join(now.values())
        raise Refused(
            f"things changed meanwhile: this would now {wish}; nothing was changed, "
            "run the command again"
        )
