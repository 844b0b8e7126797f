"""A kubeconfig of the ServiceAccount that the chart gives the operator, with just its rights."""

from pathlib import Path

import yaml

from integration.support.cluster import Cluster

NAMESPACE = "lockstep-system"
_KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def operator_kubeconfig(admin: Path, target: Path) -> Path:
    """Apply the account and its rights from the rendered chart; write a kubeconfig for it."""
    cluster = Cluster(admin, NAMESPACE)
    cluster.run("kubectl", "create", "namespace", NAMESPACE)
    rendered = cluster.run("helm", "template", "lockstep", "helm/lockstep", "-n", NAMESPACE).stdout
    documents = [one for one in yaml.safe_load_all(rendered) if one and one["kind"] in _KINDS]
    cluster.run("kubectl", "apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
    token = cluster.kubectl("create", "token", "lockstep", "--duration=2h").strip()
    config = yaml.safe_load(admin.read_text())
    [user] = config["users"]
    user["user"] = {"token": token}
    target.write_text(yaml.safe_dump(config))
    target.chmod(0o600)
    return target
