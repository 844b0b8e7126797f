"""The cluster as the CLI sees it: plain dicts in and out, every failure a CliError."""

import os
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from kubernetes import config
from kubernetes.client import ApiClient, Configuration, CustomObjectsApi

from lockstep_cli.errors import CliError, NoCluster, Refused, Unavailable
from lockstep_cli.lease import LEASE_NAME
from lockstep_cli.translation import translated

Manifest = dict[str, Any]

GROUP: Final = "serving.lockstep.dev"
VERSION: Final = "v1alpha1"
FIELD_MANAGER: Final = "lockstep-cli"
_TIMEOUT: Final = (5.0, 30.0)  # seconds to connect, to read
_READ_TRIES: Final = 5
_PATIENCE: Final = 10.0  # seconds after which a read is not tried again
_NAME: Final = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


class Cluster:
    """One connection to one API server; `namespace` is where names are looked up."""

    def __init__(self, client: ApiClient, namespace: str, user: str) -> None:
        self._api = CustomObjectsApi(client)
        self._server = str(client.configuration.host)
        self._kubeconfig_user = user
        self.namespace = namespace

    def deployment(self, name: str) -> Manifest:
        """Return a ModelDeployment."""
        return self._get("modeldeployments", name)

    def deployments(self) -> list[Manifest]:
        """Return the ModelDeployments of the namespace."""
        return self._list("modeldeployments")

    def revision(self, name: str) -> Manifest:
        """Return a ModelRevision."""
        return self._get("modelrevisions", name)

    def revisions(self, deployment: str) -> list[Manifest]:
        """Return the ModelRevisions of a ModelDeployment, found by spec, not by owner or label."""
        items = self._list("modelrevisions")
        return [item for item in items if item["spec"]["modelDeploymentName"] == deployment]

    def leases(self) -> list[Manifest] | None:
        """Return the operator's Lease wherever it is; None when this account may not look."""
        list_all = partial(
            self._api.list_cluster_custom_object, "coordination.k8s.io", "v1", "leases"
        )
        one_name = f"metadata.name={LEASE_NAME}"
        try:
            found = self._read(
                partial(list_all, field_selector=one_name, _request_timeout=_TIMEOUT)
            )
        except CliError:
            return None  # it only adds a hint; the command's own reads say what is wrong
        return [item for item in found["items"] if item["metadata"]["name"] == LEASE_NAME]

    def whoami(self) -> str:
        """Return the caller's name as the API server knows it, else the kubeconfig's."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        where = ("authentication.k8s.io", "v1", "selfsubjectreviews")
        try:
            with translated(self._server):
                review: Any = self._api.create_cluster_custom_object(
                    *where, body, _request_timeout=_TIMEOUT
                )
            return str(review["status"]["userInfo"]["username"])[:256]
        except (CliError, KeyError):
            return self._kubeconfig_user[:256]  # an API server that does not tell

    def patch_revision(self, revision: str, resource_version: str, spec: Manifest) -> None:
        """Merge into a revision's spec if it has not changed since `resource_version`.

        Raises:
            Conflict: it has.
            Unavailable: no answer came; whether it was written has to be found out by reading.
        """
        body = {"metadata": {"resourceVersion": resource_version}, "spec": spec}
        with translated(self._server):
            self._api.patch_namespaced_custom_object(
                GROUP,
                VERSION,
                self.namespace,
                "modelrevisions",
                revision,
                body,
                field_manager=FIELD_MANAGER,
                _content_type="application/merge-patch+json",
                _request_timeout=_TIMEOUT,
            )

    def _get(self, plural: str, name: str) -> Manifest:
        _check_name(name)
        get = partial(self._api.get_namespaced_custom_object, GROUP, VERSION, self.namespace)
        found: Manifest = self._read(partial(get, plural, name, _request_timeout=_TIMEOUT))
        return found

    def _list(self, plural: str) -> list[Manifest]:
        list_all = partial(self._api.list_namespaced_custom_object, GROUP, VERSION)
        found = self._read(partial(list_all, self.namespace, plural, _request_timeout=_TIMEOUT))
        items: list[Manifest] = found["items"]
        return items

    def _read(self, call: Callable[[], Any]) -> Any:
        """Run a read; an API server that is busy, not one that is silent, is asked again."""
        started = time.monotonic()
        for attempt in range(1, _READ_TRIES):
            try:
                with translated(self._server):
                    return call()
            except Unavailable:
                if time.monotonic() - started > _PATIENCE:
                    raise
                time.sleep(0.2 * 2 ** (attempt - 1))
        with translated(self._server):
            return call()


def _check_name(name: str) -> None:
    """An empty name would ask for the list, and one that is no UTF-8 cannot be sent."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is not a name in Kubernetes: a-z, 0-9, '-' and '.' are allowed")


def connect(kubeconfig: Path | None, context: str | None, namespace: str | None) -> Cluster:
    """Open the cluster of a kubeconfig context; in a pod without a kubeconfig, the pod's own.

    Raises:
        NoCluster: no usable kubeconfig.
        Refused: the file that was named does not exist, or the namespace is no name.
    """
    if kubeconfig is not None and not kubeconfig.is_file():
        raise Refused(f"no kubeconfig at {kubeconfig}")
    configuration = Configuration()
    configuration.retries = False  # our own reads retry; a refused connection is said at once
    with translated():
        where = _load(configuration, None if kubeconfig is None else str(kubeconfig), context)
    wanted = where.get("namespace") or "default" if namespace is None else namespace
    _check_name(wanted)
    return Cluster(
        ApiClient(configuration),
        wanted,
        where.get("user") or "unknown",
    )


def _load(configuration: Configuration, file: str | None, context: str | None) -> Manifest:
    """Fill in address and credentials; return the `context` part of the kubeconfig's context."""
    named = config.KUBE_CONFIG_DEFAULT_LOCATION
    default = [Path(name).expanduser() for name in named.split(os.pathsep) if name]
    if file is None and not any(path.exists() for path in default):
        if os.environ.get("KUBECONFIG"):  # said at once: another cluster is not what was meant
            raise NoCluster(f"KUBECONFIG names no file that exists: {named}")
        if "KUBERNETES_SERVICE_HOST" not in os.environ:
            raise NoCluster("no kubeconfig: set KUBECONFIG or pass --kubeconfig")
        config.load_incluster_config(client_configuration=configuration)
        return {}
    try:
        config.load_kube_config(file, context, client_configuration=configuration)
        contexts, active = config.list_kube_config_contexts(file)
        chosen = next((item for item in contexts if item["name"] == context), active)
        found: Manifest = chosen["context"]
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise NoCluster(f"the kubeconfig is not usable: it is none ({error})") from error
    return found
