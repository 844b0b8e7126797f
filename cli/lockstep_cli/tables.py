"""Tables for people, from the CLI's data: lists of revisions, of differences, of deployments."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from lockstep_cli.history import why_promoted
from lockstep_cli.moment import whole_seconds
from lockstep_cli.order import signed
from lockstep_cli.overview import Line
from lockstep_cli.revision import Revision

_ROLE_STYLE = {"stable": "green", "candidate": "yellow", "quarantined": "red", "cold": "dim"}
_STATUS_STYLE = {"True": "green", "False": "red", "Unknown": "yellow"}
_WIDE = ("NOTE", "MESSAGE", "MODEL", "WHY", "QUARANTINE", "BEFORE", "AFTER", "PATH")


def percent(weight: float) -> str:
    """Return a weight with the two decimals it is exact to."""
    return f"{weight:.2f} %"


def plain_table(*names: str) -> Table:
    """Return an empty table without lines; columns of free text fold, all others do not."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=name not in _WIDE, overflow="fold")
    return table


def role_text(role: str) -> Text:
    """Return a role in its colour."""
    return Text(role, style=_ROLE_STYLE.get(role, ""))


def status_text(status: str) -> Text:
    """Return the status of a condition that is good when true, in its colour."""
    return Text(status, style=_STATUS_STYLE.get(status, ""))


def history_table(history: Sequence[Revision]) -> Table:
    """Return the table of `lockstep history`."""
    names = ("#", "REVISION", "ROLE", "PROMOTED", "STATE", "QUARANTINE", "WHY", "MODEL", "DIGEST")
    table = plain_table(*names)
    for item in history:
        table.add_row(
            str(item.promotion or "-"),
            Text(item.name),
            role_text(item.role),
            whole_seconds(item.promoted_at),
            item.warmth,
            Text(quarantine_words(item) or "-"),
            Text(why_promoted(item) or "-"),
            Text(item.model_uri),
            _short_digest(item.digest),
        )
    return table


def quarantine_words(revision: Revision) -> str:
    """Return why a revision is quarantined, or was released, and by whom; empty when never."""
    mark = revision.quarantine
    if mark is None:
        return f"released{signed(revision.released)}" if revision.released else ""
    return f"{mark['reason']}{signed({'by': mark.get('by')})}"


def diff_table(rows: Sequence[dict[str, Any]], before: str, after: str) -> Table:
    """Return the table of `lockstep diff`; the revisions' names stand in its second line."""
    table = plain_table("PATH", "BEFORE", "AFTER")
    table.add_row("", Text(before, style="dim"), Text(after, style="dim"))
    for row in rows:
        table.add_row(Text(row["path"]), _value(row["before"]), _value(row["after"]))
    return table


def overview_table(lines: Sequence[Line]) -> Table:
    """Return the table of a bare `lockstep status`."""
    table = plain_table(
        "NAME", "AVAILABLE", "READY", "REASON", "STABLE", "CANDIDATE", "STEP", "WEIGHT", "PHASE"
    )
    for line in lines:
        table.add_row(
            Text(line.name),
            status_text(line.available),
            status_text(line.ready),
            Text(line.reason or "-"),
            Text(line.stable or "-"),
            Text(line.candidate or "-"),
            "-" if line.step is None or not line.steps else f"{line.step}/{line.steps}",
            "-" if line.weight is None else percent(line.weight),
            Text(line.phase or "-"),
        )
    return table


def _value(value: object) -> Text:
    return Text("-", style="dim") if value is None else Text(str(value))


def _short_digest(digest: str | None) -> str:
    """Return enough of a digest to compare by eye; `-o json` has all of it."""
    return "-" if digest is None else digest[: len("sha256:") + 12]
