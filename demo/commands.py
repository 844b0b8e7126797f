"""The commands a user would type, run as processes; each is shown before it runs."""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.screen import Screen


class CommandFailed(Exception):
    """A command ended with another status than 0; its last words are the message."""


@dataclass
class Shell:
    """Runs commands of this virtual environment against one cluster."""

    screen: Screen
    environment: dict[str, str]
    bin: Path = field(default_factory=lambda: Path(sys.executable).parent)

    async def run(self, *command: str, stdin: str | None = None, show: bool = True) -> str:
        """Run a command and return its standard output.

        Raises:
            CommandFailed: it did not exit with 0.
        """
        if show:
            self.screen.command(command)
        process = await asyncio.create_subprocess_exec(
            str(self.bin / command[0]),
            *command[1:],
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        out, err = await process.communicate(stdin.encode() if stdin is not None else None)
        if process.returncode:
            words = (err or out).decode().strip()
            raise CommandFailed(f"{' '.join(command)}: {words}")
        return out.decode()

    async def get(self, *what: str) -> dict[str, Any]:
        """Return an object, or a list of them, as `kubectl get -o json` has it."""
        text = await self.run("kubectl", "get", *what, "-o", "json", show=False)
        found: dict[str, Any] = json.loads(text)
        return found
