"""Running the programs in `clients`."""

import asyncio
from pathlib import Path

_FOLDER = Path(__file__).parent / "clients"
_PYTHON = Path(__file__).parents[3] / ".venv/clients/bin/python"


async def run_client(program: str, *arguments: str) -> list[str]:
    """Run one against a server in this process or another; return the checks that it passed."""
    process = await asyncio.create_subprocess_exec(
        _PYTHON,
        _FOLDER / f"{program}.py",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), 90)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, errors.decode()[-4000:]
    return output.decode().split()
