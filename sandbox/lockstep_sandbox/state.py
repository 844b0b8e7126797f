"""DIR/state.json: which processes a sandbox consists of, and what it made outside DIR."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lockstep_sandbox.processes import Identity, carriers

IDENTITY = "SANDBOX_ID"  # environment variable of each of its processes


@dataclass(frozen=True)
class State:
    """What is on record about a running sandbox."""

    identity: str
    network: int
    link: str | None  # short path of its pods, outside DIR
    processes: dict[str, Identity]

    @classmethod
    def load(cls, folder: Path) -> State | None:
        """Read it, None when there is none."""
        path = _path(folder)
        if not path.exists():
            return None
        body = json.loads(path.read_text("utf-8"))
        processes = {name: Identity(**who) for name, who in body.pop("processes").items()}
        return cls(**body, processes=processes)

    def save(self, folder: Path) -> None:
        """Write it, at once or not at all."""
        draft = _path(folder).with_suffix(".new")
        draft.write_text(json.dumps(asdict(self), indent=1), "utf-8")
        draft.replace(_path(folder))

    def forget(self, folder: Path) -> None:
        """Remove it, and what it points to outside DIR."""
        if self.link and Path(self.link).is_symlink():
            Path(self.link).unlink()
        _path(folder).unlink(missing_ok=True)

    def alive(self) -> list[Identity]:
        """Return the sandbox's processes that are there, recorded or not."""
        recorded = [who for who in self.processes.values() if who.is_alive()]
        others = [who for who in carriers(f"{IDENTITY}={self.identity}") if who not in recorded]
        return recorded + others


def _path(folder: Path) -> Path:
    return folder / "state.json"
