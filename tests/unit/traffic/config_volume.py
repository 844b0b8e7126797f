"""A ConfigMap volume, written in the order in which the kubelet writes one."""

import shutil
from collections.abc import Mapping
from pathlib import Path


class ConfigVolume:
    """A folder whose files are links into `..data`, a link that is swapped on each write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._generation = 0
        path.mkdir(parents=True)

    def write(self, data: Mapping[str, str]) -> None:
        """Swap in new content; links of new keys come after the swap, as in Kubernetes 1.30+."""
        previous = f"..gen{self._generation}"
        self._generation += 1
        current = self.path / f"..gen{self._generation}"
        current.mkdir()
        for name, text in data.items():
            (current / name).write_text(text)
        temporary = self.path / "..data_tmp"
        temporary.symlink_to(current.name)
        temporary.rename(self.path / "..data")
        for name in data:
            link = self.path / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        for link in self.path.iterdir():
            if not link.name.startswith("..") and link.name not in data:
                link.unlink()
        shutil.rmtree(self.path / previous, ignore_errors=True)
