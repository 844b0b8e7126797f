"""Real versions of a wine classifier, and a plain HTTP server that offers their bytes."""

import asyncio
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

TRAINING = Path(__file__).parents[1] / "examples" / "train_wine.py"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the screen for the story."""


async def train(folder: Path) -> str:
    """Train all versions into `folder`; return what the training printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(TRAINING), str(folder), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{TRAINING.name} ended with status {process.returncode}")
    return out.decode()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Offer a folder over HTTP on loopback; yields the base URL."""
    handler = partial(QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def requests() -> list[dict[str, object]]:
    """Return one V2 request for each wine of the data set, in a mixed order."""
    from sklearn.datasets import load_wine  # noqa: PLC0415 - takes a second to import

    rows = load_wine().data.tolist()
    mixed = [rows[(index * 37) % len(rows)] for index in range(len(rows))]
    return [
        {"inputs": [{"name": "predict", "shape": [1, 13], "datatype": "FP64", "data": row}]}
        for row in mixed
    ]


def manifest(
    base: str, folder: Path, version: str, rollout: dict[str, object], **traffic: object
) -> dict[str, object]:
    """Return the ModelDeployment that serves one version."""
    path = f"{version}/model.skops"
    digest = hashlib.sha256((folder / path).read_bytes()).hexdigest()
    model = {"uri": f"{base}/{path}", "format": "sklearn", "sha256": digest}
    spec = {"model": model, "replicas": 2, "rollout": {"keepWarm": "10m"} | rollout}
    return {
        "apiVersion": "serving.lockstep.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "wine"},
        "spec": spec | ({"traffic": traffic} if traffic else {}),
    }
