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


def open_cluster(kubeconfig: Path | None, context: str | None, namespace: str | None) -> "Cluster":
    """Open the cluster that the options name.

    Raises:
        CliError: no usable kubeconfig.
    """
    # Importing the kubernetes client takes most of a second; --help and `sandbox` do without.
    from lockstep_cli.cluster import connect  # noqa: PLC0415

    return connect(kubeconfig, context, namespace)
