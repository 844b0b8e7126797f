"""The operator's process: `lockstep-operator`, also `python -m lockstep_operator`."""

import asyncio
import os
import signal
import sys

import structlog

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.planner import make_plan
from lockstep_operator.settings import Settings, parse_settings
from lockstep_operator.shell.assembly import assemble
from lockstep_operator.shell.connection import connect
from lockstep_operator.shell.logs import set_up_logs
from lockstep_operator.traffic.envoy.provider import EnvoyTraffic
from lockstep_operator.traffic.envoy.settings import RouterSettings
from lockstep_operator.traffic.interface import Cluster, PodReader, TrafficProvider

_log = structlog.get_logger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT (status 0), or until something fatal happened (status 1)."""
    settings = parse_settings(sys.argv[1:], os.environ)
    set_up_logs(settings.log_format, settings.log_level)
    try:
        asyncio.run(_run(settings))
    except LockstepError as error:
        print(f"lockstep-operator: error: {error}", file=sys.stderr)
        sys.exit(1)


async def _run(settings: Settings) -> None:
    def make_provider(cluster: Cluster, pods: PodReader) -> TrafficProvider:
        router = RouterSettings(image=settings.router_image, replicas=settings.router_replicas)
        return EnvoyTraffic(cluster, pods, router)

    connection = await connect(settings.kubeconfig, settings.context, settings.service_account_dir)
    assembly = assemble(settings, connection, make_plan, make_provider)
    stop = asyncio.Event()
    _stop_on_signals(stop)
    try:
        port = await assembly.operator.health.start(settings.host, settings.port)
        _log.info("started", server=connection.configuration.host, health_port=port)
        await assembly.operator.run(stop, on_started=lambda: _stop_on_signals(stop))
    finally:
        await assembly.operator.health.stop()
        await assembly.close()
        await connection.api.close()


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


if __name__ == "__main__":
    main()
