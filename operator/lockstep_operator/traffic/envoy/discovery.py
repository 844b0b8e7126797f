"""xDS files: where Envoy finds them, how their text is written and read back."""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import yaml

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.traffic.envoy import names

Resource = dict[str, Any]

# libyaml reads ten times faster than Python; it is not in every build of PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]
    """Writes what stands twice twice, for people to read."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def config_source(key: str) -> Resource:
    """Return the source that is one file of the mounted ConfigMap.

    The directory is watched, not the file: the kubelet swaps the `..data` link in it.
    """
    return {
        "path_config_source": {
            "path": f"{names.DATA_DIR}/{key}",
            "watched_directory": {"path": names.CONFIG_DIR},
        },
        "resource_api_version": "V3",
    }


def version(text: str) -> str:
    """Return a short hash of `text`; Envoy reports it back as `version_text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def dump_blocks(resources: Sequence[Resource]) -> str:
    """Write a DiscoveryResponse as block YAML: for files of one resource, which people read."""
    body = yaml.dump({"resources": list(resources)}, Dumper=_Dumper, sort_keys=False, width=1000)
    return f'version_info: "{version(body)}"\n{body}'


def dump_lines(resources: Sequence[Resource]) -> str:
    """Write a DiscoveryResponse as JSON (which is YAML), a resource a line: for files of hundreds.

    It parses many times faster than block YAML and takes less of the ConfigMap's limited size.
    """
    lines = ",\n".join(json.dumps(resource, separators=(",", ":")) for resource in resources)
    return f'{{"version_info": "{version(lines)}", "resources": [\n{lines}\n]}}\n'


@lru_cache(maxsize=256)
def parse(text: str, where: str) -> tuple[str, tuple[Resource, ...]]:
    """Return (version, resources) of an xDS file, JSON or YAML; callers must not change them.

    Remembered, for every look at any ModelDeployment reads the files that all of them share.

    Raises:
        LockstepError: not a DiscoveryResponse; the message starts with `where`.
    """
    try:
        document = _load(text)
        resources = tuple(document["resources"])
        if not all(isinstance(resource["name"], str) for resource in resources):
            raise TypeError("a resource's name is no text")
        return str(document["version_info"]), resources
    except (yaml.YAMLError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise LockstepError(f"{where} is not an Envoy configuration: {reason}") from error


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # both loaders are safe ones
