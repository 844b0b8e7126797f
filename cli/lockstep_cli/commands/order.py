"""How a decision becomes a command: the options that all orders take are given here, once."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from lockstep_cli.carrying import Request, carry_out
from lockstep_cli.options import (
    NO_REASON,
    Context,
    Kubeconfig,
    Name,
    Namespace,
    Output,
    Reason,
    Timeout,
    Wait,
    Yes,
    open_cluster,
)
from lockstep_cli.order import Decide
from lockstep_cli.output import Format

Command = Callable[..., None]


def order(
    *, reason: str | None, deleted: bool = False
) -> Callable[[Callable[..., Decide]], Command]:
    """Make a command of a function from the command's own options to what decides the order.

    `reason`: the default of --reason; None where an order is taken away, and no reason is kept.
    `deleted`: what a deleted ModelDeployment left will do. Name and docstring are the help's.
    """

    def command_of(own: Callable[..., Decide]) -> Command:
        def command(**given: Any) -> None:
            request = Request(
                given["name"],
                given.get("reason", NO_REASON),
                given["yes"],
                given["wait"],
                given["timeout"],
                given["output"],
            )
            decide = own(**{name: given[name] for name in signature(own).parameters})
            cluster = open_cluster(given["kubeconfig"], given["context"], given["namespace"])
            carry_out(cluster, request, decide, deleted=deleted)

        return _dressed(command, own, _common(reason))

    return command_of


def _common(reason: str | None) -> list[Parameter]:
    options: list[tuple[str, Any, Any]] = [
        ("yes", Yes, False),
        ("wait", Wait, True),
        ("timeout", Timeout, None),
        ("namespace", Namespace, None),
        ("context", Context, None),
        ("kubeconfig", Kubeconfig, None),
        ("output", Output, Format.TABLE),
    ]
    if reason is not None:
        options.insert(0, ("reason", Reason, reason))
    return [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in options
    ]


def _dressed(command: Command, own: Callable[..., Decide], common: list[Parameter]) -> Command:
    """Give a command the signature that the command line is read from."""
    seen = signature(own)
    mine = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in seen.parameters.values()]
    name = Parameter("name", Parameter.KEYWORD_ONLY, annotation=Name)
    parameters = [name, *mine, *common]
    command.__name__, command.__doc__ = own.__name__, own.__doc__
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__signature__ = seen.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=None
    )
    return command
