"""The options that every command about a ModelDeployment takes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep_cli.output import Format

if TYPE_CHECKING:
    from lockstep_cli.cluster import Cluster

Name = Annotated[str, typer.Argument(help="Name of the ModelDeployment.", show_default=False)]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="Namespace; the context's own when absent."),
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig.")]
Kubeconfig = Annotated[
    Path | None, typer.Option(help="Kubeconfig file; else $KUBECONFIG, else ~/.kube/config.")
]
Output = Annotated[Format, typer.Option("--output", "-o", help="Form of the result.")]

RevisionName = Annotated[
    str,
    typer.Argument(
        metavar="REVISION",
        help="A revision: its name, the end of its name, or the number of its promotion.",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option(help="Why; kept on the revision.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[bool, typer.Option(help="Wait until it is seen to take effect.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        help="Seconds to wait; 60 when absent, 600 where pods may have to start.", min=0.1
    ),
]
AllowDowntime = Annotated[
    bool,
    typer.Option(
        "--allow-downtime", help="At once, even if nobody can take the traffic: requests fail."
    ),
]

EXIT_CODES = (
    "Exit codes: 0 done; 1 written, but not seen to take effect in time; 2 refused or not "
    "possible, nothing was changed."
)
NO_REASON = "-"  # for orders that only take a mark away: nothing is kept


def open_cluster(kubeconfig: Path | None, context: str | None, namespace: str | None) -> "Cluster":
    """Open the cluster that the options name.

    Raises:
        CliError: no usable kubeconfig.
    """
    # Importing the kubernetes client takes most of a second; --help and `sandbox` do without.
    from lockstep_cli.cluster import connect  # noqa: PLC0415

    return connect(kubeconfig, context, namespace)
