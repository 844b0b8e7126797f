"""How each server is started: as its documentation says is best on one core."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.runtime.environments import BIN
from benchmarks.runtime.models import Served
from benchmarks.runtime.process import Launch, free_port

_PEERS = Path(__file__).with_name("peers")
_PEERS_MODULE = "benchmarks.runtime.peers"


@dataclass(frozen=True)
class Place:
    """What a server is started with: the model, a folder for its files, its peer's programs."""

    served: Served
    folder: Path
    programs: Path = BIN


@dataclass(frozen=True)
class Server:
    """A server and the settings to choose from: the best in a trial with this model is measured.

    Attributes:
        peer: whose environment it runs in; None: the project's own.
        path: where it answers; `{name}` is the model's.
        settings: a launch by the words that tell it from the others.
        packages: whose versions the report names.
    """

    key: str
    path: str
    settings: Mapping[str, Callable[[Place], Launch]]
    peer: str | None = None
    packages: tuple[str, ...] = field(default=())


def _lockstep(form: str, file: str, *more: str) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        port = free_port()
        uri = place.served.files[file].resolve().as_uri()
        command = [str(BIN / "lockstep-runtime"), "--model-uri", uri, "--format", form]
        command += ["--name", place.served.name, "--log-level", "warning", *more]
        return Launch([*command, "--port", str(port)], port, "/v2/health/ready")

    return launch


def _mlserver(workers: int, batching: Mapping[str, float]) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        port, grpc, metrics = free_port(), free_port(), free_port()
        ports = {"http_port": port, "grpc_port": grpc, "metrics_port": metrics}
        logging = place.folder / "logging.json"
        logging.write_text(json.dumps(_quiet_logging(["mlserver", "uvicorn"])))
        settings = {
            **ports,
            "host": "127.0.0.1",
            "debug": False,
            "parallel_workers": workers,
            "metrics_dir": str(place.folder),
            "logging_settings": str(logging),
        }
        model = {
            "name": place.served.name,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(place.served.files["joblib"].resolve())},
            **batching,
        }
        (place.folder / "settings.json").write_text(json.dumps(settings))
        (place.folder / "model-settings.json").write_text(json.dumps(model))
        command = [str(place.programs / "mlserver"), "start", str(place.folder)]
        return Launch(command, port, f"/v2/models/{place.served.name}/ready")

    return launch


def _kserve(place: Place) -> Launch:
    port = free_port()
    logging = place.folder / "logging.json"
    logging.write_text(json.dumps(_quiet_logging(["kserve", "kserve.trace", "uvicorn"])))
    command = [str(place.programs / "python"), str(_PEERS / "kserve_sklearn.py")]
    command += [str(place.served.files["joblib"].resolve())]
    command += ["--http_port", str(port), "--enable_grpc", "false", "--workers", "1"]
    command += ["--enable_latency_logging", "false", "--log_config_file", str(logging)]
    return Launch(command, port, "/v2/health/ready")


def _bentoml(service: str) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        port = free_port()
        target = f"{_PEERS_MODULE}.bentoml_sklearn:{service}"
        command = [str(place.programs / "bentoml"), "serve", target]
        env = {
            "MODEL_FILE": str(place.served.files["joblib"].resolve()),
            "BENTOML_HOME": str(place.folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        where = ["--host", "127.0.0.1", "--port", str(port)]
        return Launch([*command, *where], port, "/readyz", env=env)

    return launch


def _uvicorn(module: str, ready: str) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        port = free_port()
        command = [str(place.programs / "uvicorn"), f"{_PEERS_MODULE}.{module}:app"]
        fast = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        where = ["--port", str(port), "--log-level", "warning"]
        return Launch([*command, *fast, *where], port, ready)

    return launch


def _quiet_logging(names: list[str]) -> dict[str, object]:
    """No line per request: `logging.config`'s form, which both peers take."""
    loggers = {name: {"level": "WARNING", "handlers": ["err"]} for name in names}
    loggers = {"uvicorn.access": {"level": "CRITICAL", "handlers": []}, **loggers}
    handler = {"class": "logging.StreamHandler", "level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"err": handler},
        "loggers": {**loggers, "uvicorn.error": {"level": "WARNING"}},
        "root": {"level": "WARNING", "handlers": ["err"]},
    }


_V2 = "/v2/models/{name}/infer"
_JOINED = {"max_batch_size": 64, "max_batch_time": 0.001}

LOCKSTEP = Server("lockstep", _V2, {"": _lockstep("sklearn", "skops")})
PICKLE = Server("lockstep-pickle", _V2, {"": _lockstep("sklearn", "joblib", "--trust", "pickle")})
ONNX = Server("lockstep-onnx", _V2, {"": _lockstep("onnx", "onnx")})
XGBOOST = Server("lockstep-xgboost", _V2, {"": _lockstep("xgboost", "xgboost")})
MLSERVER = Server(
    "mlserver",
    _V2,
    {
        "parallel_workers 0": _mlserver(0, {}),
        "parallel_workers 1": _mlserver(1, {}),
    },
    "mlserver",
    ("mlserver", "mlserver-sklearn", "scikit-learn"),
)
# Its documentation leaves adaptive batching to one's own trials: a loss alone, a gain in company.
MLSERVER_BATCHING = Server(
    "mlserver-batching", _V2, {"": _mlserver(0, _JOINED)}, "mlserver", MLSERVER.packages
)
KSERVE = Server(
    "kserve", "/v2/models/model/infer", {"": _kserve}, "kserve", ("kserve", "scikit-learn")
)
BENTOML = Server(
    "bentoml",
    "/infer",
    {"adaptive batching": _bentoml("Joining"), "no batching": _bentoml("OneByOne")},
    "bentoml",
    ("bentoml", "scikit-learn"),
)
FASTAPI = Server(
    "fastapi",
    "/infer",
    {"": _uvicorn("fastapi_empty", "/openapi.json")},
    "fastapi",
    ("fastapi", "uvicorn"),
)
UVICORN = Server("uvicorn", "/", {"": _uvicorn("uvicorn_bare", "/")}, "uvicorn", ("uvicorn",))
