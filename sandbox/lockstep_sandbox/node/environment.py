"""A container's variables: env, envFrom and $(VAR) expansion."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lockstep_sandbox.node import downward
from lockstep_sandbox.node.sources import MissingError, Sources
from lockstep_sandbox.objects import Obj

Rewrite = Callable[[str], str]

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in for $(NAME); unknown ones stay as written, and $$ is a plain $."""

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return variables.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


async def resolve(
    container: Obj, pod: Obj, sources: Sources, base: Mapping[str, str], rewrite: Rewrite
) -> dict[str, str]:
    """Return the container's own variables; `base` may be referred to and is not returned.

    `rewrite` sees each text before other variables are put in, so nothing is rewritten twice.

    Raises:
        MissingError: a reference leads nowhere.
    """
    found: dict[str, str] = {}
    for entry in container.get("envFrom") or ():
        values = await _all_of(entry, pod, sources)
        found |= {key: rewrite(value) for key, value in values.items()}
    for entry in container.get("env") or ():
        source = entry.get("valueFrom")
        if source is None:
            found[entry["name"]] = expand(rewrite(entry.get("value") or ""), {**base, **found})
        else:
            value = await _one_of(source, container, pod, sources)
            found |= {} if value is None else {entry["name"]: rewrite(value)}
    return found


async def _all_of(entry: Obj, pod: Obj, sources: Sources) -> dict[str, str]:
    reference = entry.get("configMapRef") or entry.get("secretRef") or {}
    read = sources.config_map if "configMapRef" in entry else sources.secret
    optional = bool(reference.get("optional"))
    data = await read(pod["metadata"]["namespace"], reference["name"], optional)
    prefix = entry.get("prefix") or ""
    return {prefix + key: value.decode() for key, value in (data or {}).items()}


async def _one_of(source: Obj, container: Obj, pod: Obj, sources: Sources) -> str | None:
    if "fieldRef" in source:
        return downward.field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return downward.resource(container, source["resourceFieldRef"])
    kind = next((each for each in ("configMapKeyRef", "secretKeyRef") if each in source), None)
    if kind is None:
        raise MissingError(f"unsupported valueFrom: {', '.join(source)}")
    reference, namespace = source[kind], pod["metadata"]["namespace"]
    read = sources.config_map if kind == "configMapKeyRef" else sources.secret
    optional = bool(reference.get("optional"))
    data = await read(namespace, reference["name"], optional)
    if data is None or reference["key"] not in data:
        if optional:
            return None
        what = "ConfigMap" if kind == "configMapKeyRef" else "Secret"
        place = f"{what} {namespace}/{reference['name']}"
        raise MissingError(f"couldn't find key {reference['key']} in {place}")
    return data[reference["key"]].decode()
