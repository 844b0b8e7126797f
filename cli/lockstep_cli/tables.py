"""Tables and sentences for people, from the CLI's data."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lockstep_cli.moment import format_span, whole_seconds
from lockstep_cli.revision import Revision
from lockstep_cli.status import Condition, Share, Status, Step

_ROLE_STYLE = {"stable": "green", "candidate": "yellow", "quarantined": "red", "cold": "dim"}
_STATUS_STYLE = {"True": "green", "False": "red", "Unknown": "yellow"}
_BAD_WHEN_TRUE = ("Stalled", "NameConflict", "Reconciling")


def percent(weight: float) -> str:
    """Return a weight with the two decimals it is exact to."""
    return f"{weight:.2f} %"


def status_view(status: Status) -> RenderableType:
    """Return the whole of `lockstep status`."""
    parts: list[RenderableType] = [_headline(status)]
    if status.rollout is not None:
        parts.append(rollout_line(status.rollout, status.paused))
    if status.operator.warning:
        parts.append(Text(f"warning: {status.operator.warning}", style="yellow"))
    if not status.current:
        parts.append(Text("The operator has not yet looked at the manifest as it is now."))
    parts += [Text(""), _shares(status.revisions), Text(""), _conditions(status.conditions)]
    return Group(*parts)


def rollout_line(step: Step, paused: bool) -> Text:
    """Return one line on where the rollout stands."""
    words = f"Rollout: step {step.step} of {step.steps}, {percent(step.weight)}"
    if paused:
        words += ", paused"
    elif step.hold_left is not None:
        words += f", hold left {format_span(step.hold_left)}"
    elif step.message:
        words += f": {step.message}"
    return Text(words, style="yellow")


def history_table(history: Sequence[Revision]) -> Table:
    """Return the table of `lockstep history`."""
    names = ("#", "REVISION", "ROLE", "PROMOTED", "STATE", "QUARANTINE", "MODEL", "DIGEST")
    table = _table(*names)
    for item in history:
        table.add_row(
            str(item.promotion or "-"),
            Text(item.name),
            _role(item.role),
            whole_seconds(item.promoted_at),
            item.warmth,
            Text(item.reason or "-"),
            Text(item.model_uri),
            _short_digest(item.digest),
        )
    return table


def _headline(status: Status) -> Text:
    text = Text(f"ModelDeployment {status.namespace}/{status.name}", style="bold")
    if status.url:
        text.append(f"  {status.url}", style="not bold")
    return text


def _shares(shares: Sequence[Share]) -> RenderableType:
    if not shares:
        return Text("No revision yet.")
    table = _table("REVISION", "ROLE", "WEIGHT", "READY", "MODEL", "NOTE")
    table.columns[2].justify = "right"
    for share in shares:
        table.add_row(
            Text(share.revision),
            _role(share.role),
            percent(share.weight),
            f"{share.ready}/{share.replicas}",
            Text(share.model),
            Text(share.message or "-"),
        )
    return table


def _conditions(conditions: Sequence[Condition]) -> RenderableType:
    if not conditions:
        return Text("No condition reported yet.")
    table = _table("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE")
    for item in conditions:
        table.add_row(
            item.type,
            _condition_status(item),
            Text(item.reason or "-"),
            "-" if item.age is None else format_span(item.age),
            Text(item.message or "-"),
        )
    return table


def _condition_status(condition: Condition) -> Text:
    style = _STATUS_STYLE.get(condition.status, "")
    if condition.type in _BAD_WHEN_TRUE:
        style = "" if condition.status == "False" else "yellow"
    return Text(condition.status, style=style)


def _role(role: str) -> Text:
    return Text(role, style=_ROLE_STYLE.get(role, ""))


def _short_digest(digest: str | None) -> str:
    """Return enough of a digest to compare by eye; `-o json` has all of it."""
    return "-" if digest is None else digest[: len("sha256:") + 12]


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in names:
        wide = name in ("NOTE", "MESSAGE", "MODEL", "QUARANTINE")
        table.add_column(name, no_wrap=not wide, overflow="fold")
    return table
