"""The view of `lockstep status NAME`: the rollout first, then revisions, gates and conditions."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from lockstep_cli.gates import Gate, Look
from lockstep_cli.moment import format_span, whole_seconds
from lockstep_cli.order import signed
from lockstep_cli.standing_orders import Standing
from lockstep_cli.status import Condition, Share, Status, Step
from lockstep_cli.tables import percent, plain_table, role_text, status_text

_VERDICT_STYLE = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
_BAD_WHEN_TRUE = ("Stalled", "NameConflict", "Reconciling")
_QUOTING_GATES = ("Inconclusive", "AnalysisDeadlineExceeded")
_SENTENCES = {
    "paused": "Paused",
    "aborted": "Aborted",
    "promote": "To be promoted",
    "approval": "Approved",
    "restore": "Being brought back",
    "quarantine": "Quarantined",
}


def status_view(status: Status) -> RenderableType:
    """Return the whole of `lockstep status NAME`."""
    parts: list[RenderableType] = [_headline(status)]
    if status.rollout is not None:
        parts.append(_rollout_line(status.rollout, status.look))
    parts += [_order_line(order) for order in status.orders]
    if status.operator.warning:
        parts.append(Text(f"warning: {status.operator.warning}", style="yellow"))
    if not status.current:
        parts.append(Text("The operator has not yet looked at the manifest as it is now."))
    parts += [Text(""), _shares(status.revisions)]
    if status.look.gates:
        parts += [Text(""), _look_line(status.look), _gates(status.look.gates)]
    parts += [Text(""), _conditions(status)]
    return Group(*parts)


def _rollout_line(step: Step, look: Look) -> Text:
    """Return one line on where the rollout stands."""
    if step.candidate is None:
        return Text(f"Restore: {step.message or step.phase}", style="yellow")
    steps = f"step {step.step} of {step.steps}, " if step.steps else ""
    words = f"Rollout of {step.candidate}: {steps}{percent(step.weight)}"
    words += f", {step.phase}" if step.phase else ""
    message = _said(step, look)
    if step.hold_left:
        words += f", hold left {format_span(step.hold_left)}"
    elif message:
        words += f": {message}"
    return Text(words, style="yellow")


def _said(step: Step, look: Look) -> str:
    """Return what the rollout waits for.

    The operator's own words on gates hold numbers, which are newer than those of the table.
    """
    if step.phase not in _QUOTING_GATES or not look.gates:
        return step.message
    names = look.undecided
    return f"waiting for gate{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""


def _look_line(look: Look) -> Text:
    """Return whose numbers the table of gates has, and how old they are."""
    if look.step is None:
        return Text("Gates, none has looked yet")
    step = f"at step {look.step}" if look.step else "before the first step"
    return Text(f"Gates {step}" + ("" if look.age is None else f", {format_span(look.age)} ago"))


def _order_line(order: Standing) -> Text:
    """Return one line on an order that is in force."""
    step = f" after step {order.step}" if order.step else ""
    when = f" since {whole_seconds(order.time)}" if order.time else ""
    words = f"{_SENTENCES[order.kind]}{step}: {order.revision}"
    words += f"{signed({'by': order.by, 'reason': order.reason})}{when}"
    if order.quarantine:
        words += f"; with that goes into quarantine: {', '.join(order.quarantine)}"
    return Text(words, style="red" if order.kind in ("quarantine", "aborted") else "yellow")


def _headline(status: Status) -> Text:
    text = Text(f"ModelDeployment {status.namespace}/{status.name}", style="bold")
    if status.url:
        text.append(f"  {status.url}", style="not bold")
    return text


def _shares(shares: Sequence[Share]) -> RenderableType:
    if not shares:
        return Text("No revision yet.")
    table = plain_table("REVISION", "ROLE", "WEIGHT", "READY", "STATE", "MODEL", "NOTE")
    table.columns[2].justify = "right"
    for share in shares:
        table.add_row(
            Text(share.revision),
            role_text(share.role),
            percent(share.weight),
            f"{share.ready}/{share.replicas}",
            share.warmth,
            Text(share.model),
            Text(share.message or "-"),
        )
    return table


def _gates(gates: Sequence[Gate]) -> RenderableType:
    names = ("GATE", "VERDICT", "VALUE", "STABLE", "LIMIT", "SAMPLES", "EVIDENCE", "MESSAGE")
    table = plain_table(*names)
    for gate in gates:
        verdict = gate.verdict or "waiting"
        table.add_row(
            Text(gate.name),
            Text(verdict, style=_VERDICT_STYLE.get(verdict, "")),
            _number(gate.value, gate.metric),
            _number(gate.stable_value, gate.metric),
            _number(gate.limit, gate.metric),
            f"{gate.samples}/{gate.stable_samples}" if gate.stable_samples else str(gate.samples),
            _evidence(gate),
            Text(gate.message or "-"),
        )
    return table


def _evidence(gate: Gate) -> str:
    """Evidence below zero speaks for the candidate: there is none of harm."""
    if gate.evidence is None or not gate.samples:
        return "-"
    return f"{max(0.0, 100 * gate.evidence):.0f} %"


def _number(value: float | None, metric: str) -> str:
    if value is None:
        return "-"
    return f"{1000 * value:.4g} ms" if metric.startswith("latency") else f"{value:.4g}"


def _conditions(status: Status) -> RenderableType:
    if not status.conditions:
        return Text("No condition reported yet.")
    table = plain_table("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE")
    for item in status.conditions:
        table.add_row(
            item.type,
            _condition_status(item),
            Text(item.reason or "-"),
            "-" if item.age is None else format_span(item.age),
            Text(_condition_message(item, status) or "-"),
        )
    return table


def _condition_message(condition: Condition, status: Status) -> str:
    """Return its message; where it quotes the rollout's, in the words of the line above."""
    step = status.rollout
    if step is None or not step.message:
        return condition.message
    return condition.message.replace(step.message, _said(step, status.look) or str(step.phase))


def _condition_status(condition: Condition) -> Text:
    if condition.type in _BAD_WHEN_TRUE:
        return Text(condition.status, style="" if condition.status == "False" else "yellow")
    return status_text(condition.status)
