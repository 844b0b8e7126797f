"""Commands that give one order for a ModelDeployment and have no options of their own."""

from collections.abc import Callable

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


def order_with_reason(command: str, decide: Decide, default: str, about: str) -> Command:
    """Return a command whose --reason is kept with the order; `default`: when none is given."""

    def give(
        name: Name,
        reason: Reason = default,
        yes: Yes = False,
        wait: Wait = True,
        timeout: Timeout = None,
        namespace: Namespace = None,
        context: Context = None,
        kubeconfig: Kubeconfig = None,
        output: Output = Format.TABLE,
    ) -> None:
        request = Request(name, reason, yes, wait, timeout, output)
        carry_out(open_cluster(kubeconfig, context, namespace), request, decide)

    return _named(give, command, about)


def order_without_reason(command: str, decide: Decide, about: str) -> Command:
    """Return a command that takes an order back: there is nothing to keep a reason with."""

    def give(
        name: Name,
        yes: Yes = False,
        wait: Wait = True,
        timeout: Timeout = None,
        namespace: Namespace = None,
        context: Context = None,
        kubeconfig: Kubeconfig = None,
        output: Output = Format.TABLE,
    ) -> None:
        request = Request(name, NO_REASON, yes, wait, timeout, output)
        carry_out(open_cluster(kubeconfig, context, namespace), request, decide)

    return _named(give, command, about)


def _named(give: Command, command: str, about: str) -> Command:
    """The name and the docstring are what the command line shows."""
    give.__name__, give.__doc__ = command, about
    return give
