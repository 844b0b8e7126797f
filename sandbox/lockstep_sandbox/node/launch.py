"""From a container's spec to the process that stands for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lockstep_sandbox.images import Image
from lockstep_sandbox.node import environment
from lockstep_sandbox.node.context import PodContext, message_path, mounts_of
from lockstep_sandbox.node.process import Launch
from lockstep_sandbox.node.service_links import service_links
from lockstep_sandbox.node.sources import MissingError
from lockstep_sandbox.node.volumes import mount
from lockstep_sandbox.objects import Obj

IDENTITY = "SANDBOX_ID"


async def prepare(context: PodContext, spec: Obj, image: Image, run: int) -> Launch:
    """Make a fresh root folder, variables and command line for one run.

    Raises:
        MissingError: something referred to is not there.
    """
    if spec.get("restartPolicy"):
        raise MissingError("containers with a restartPolicy of their own are not in the sandbox")
    root, rewriter = context.root(spec), context.rewriter(spec)
    base = {**image.environment(), **await _linked(context), **_given(context, root)}
    own = await environment.resolve(spec, context.seen(), context.sources, base, rewriter)
    variables = {**base, **own}
    command = [*(spec.get("command") or image.entrypoint), *(spec.get("args") or ())]
    if not command:
        raise MissingError("no command specified")
    _make_root(root, context, spec)
    folder = root
    if spec.get("workingDir"):
        folder = Path(_inside(root, spec["workingDir"]))
        folder.mkdir(parents=True, exist_ok=True)
    return Launch(
        command=[environment.expand(rewriter(each), variables) for each in command],
        environment=variables,
        folder=folder,
        scratch=context.log(spec, run).parent,
        mark=f"{context.settings.identity}/{context.folder.name}/{spec['name']}/{run}",
    )


def message_file(context: PodContext, spec: Obj) -> Path:
    """Return where a container leaves its termination message."""
    return Path(_inside(context.root(spec), message_path(spec)))


def _inside(root: Path, path: str) -> str:
    return f"{root}/{path.lstrip('/')}"


async def _linked(context: PodContext) -> dict[str, str]:
    """Return where the API server and, if the pod wants them, its namespace's Services are."""
    host, port = context.api
    spec = {"clusterIP": host, "ports": [{"name": "https", "port": port}]}
    found: list[Obj] = [{"metadata": {"name": "kubernetes"}, "spec": spec}]
    if context.pod["spec"].get("enableServiceLinks", True):
        found += await context.sources.services(context.pod["metadata"]["namespace"])
    return service_links(found)


def _given(context: PodContext, root: Path) -> dict[str, str]:
    """Return what every container finds in its environment."""
    spec, meta = context.pod["spec"], context.pod["metadata"]
    return {
        "HOME": str(root / "root"),
        "HOSTNAME": spec.get("hostname") or meta["name"],
        "TMPDIR": str(root / "tmp"),
        IDENTITY: context.settings.identity,
    }


def _make_root(root: Path, context: PodContext, spec: Obj) -> None:
    shutil.rmtree(root, ignore_errors=True)  # each run of a container starts from its image
    (root / "root").mkdir(parents=True)
    mount(root, mounts_of(spec), context.volumes)
    (root / "tmp").mkdir(exist_ok=True)
    context.log(spec, 0).parent.mkdir(exist_ok=True)
    message = message_file(context, spec)
    message.parent.mkdir(parents=True, exist_ok=True)
    message.touch()
