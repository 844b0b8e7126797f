"""Who is compared with whom, on which payloads."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from benchmarks.runtime import servers
from benchmarks.runtime.dialects import V2, BentoJson, Dialect, Fixed, V2Binary
from benchmarks.runtime.servers import Server
from lockstep_runtime.loaders import FORMATS

CONNECTIONS = (1, 16, 64)
OURS, MLSERVER, KSERVE, BENTOML = "Lockstep", "MLServer", "KServe", "BentoML"
FASTAPI, UVICORN = "empty FastAPI route", "bare uvicorn"
MLSERVER_BATCHING = "MLServer, adaptive batching"
ROUTED = "Lockstep behind its router"
MAIN = "Iris, logistic regression"  # the part that targets and picture are of


@dataclass(frozen=True, order=True)
class Payload:
    """What one request carries."""

    encoding: str
    rows: int

    def __str__(self) -> str:
        """Return it as it stands in titles."""
        return f"{self.rows:,} row{'' if self.rows == 1 else 's'}, {self.encoding}"


@dataclass(frozen=True)
class Contender:
    """A line of a table.

    Attributes:
        dialects: how it is asked, by encoding.
        routed: through the router.
    """

    title: str
    server: Server
    dialects: Mapping[str, Dialect]
    routed: bool = False


@dataclass(frozen=True)
class Part:
    """Contenders that are measured in turn with one model.

    Attributes:
        slow: it answers so few requests per second that a round takes twice as long.
    """

    title: str
    model: str
    contenders: tuple[Contender, ...]
    payloads: tuple[Payload, ...]
    slow: bool = False


# Ours says everything that the model has by default; the peers answer with the class.
_CLASS = V2(output="predict")
_BOTH: Mapping[str, Dialect] = {"JSON": _CLASS, "binary": V2Binary(output="predict")}
_JSON = tuple(Payload("JSON", rows) for rows in (1, 32, 1024))
_BINARY = tuple(Payload("binary", rows) for rows in (1, 32, 1024))
_FEW = (_JSON[0], _BINARY[0], _JSON[-1])

_LOCKSTEP = Contender(OURS, servers.LOCKSTEP, _BOTH)
_ROUTED = Contender(ROUTED, servers.LOCKSTEP, _BOTH, routed=True)
_MLSERVER = Contender(MLSERVER, servers.MLSERVER, {"JSON": V2()})
_BATCHING = Contender(MLSERVER_BATCHING, servers.MLSERVER_BATCHING, {"JSON": V2()})
_KSERVE = Contender(KSERVE, servers.KSERVE, {"JSON": V2(), "binary": V2Binary()})
_BENTOML = Contender(BENTOML, servers.BENTOML, {"JSON": BentoJson()})
_FASTAPI = Contender(FASTAPI, servers.FASTAPI, {"JSON": Fixed()})
_UVICORN = Contender(UVICORN, servers.UVICORN, {"JSON": Fixed()})

_MAIN = (_LOCKSTEP, _ROUTED, _MLSERVER, _BATCHING, _KSERVE, _BENTOML, _FASTAPI, _UVICORN)


def parts(*, quick: bool, only: Collection[str]) -> list[Part]:
    """Return what to measure; `quick`: the main table alone; `only`: these servers, if any."""
    main = Part(MAIN, "iris", _MAIN, _JSON[:1] if quick else _JSON)
    every = [main] if quick else [main, *_further()]
    chosen = []
    for part in every:
        kept = tuple(one for one in part.contenders if not only or key(one) in only)
        if kept:
            chosen.append(replace(part, contenders=kept))
    return chosen


def key(contender: Contender) -> str:
    """Return the word that `--only` knows a contender by."""
    return "router" if contender.routed else contender.server.key


def keys() -> list[str]:
    """Return all that `--only` knows."""
    return sorted({key(one) for part in parts(quick=False, only=()) for one in part.contenders})


def left_out() -> list[str]:
    """Return a sentence for each format that this version cannot serve yet."""
    wanted = {"onnx": "ONNX", "xgboost": "XGBoost"}
    return [
        f"{name} is left out: this version has no loader for it."
        for form, name in wanted.items()
        if form not in FORMATS
    ]


def _further() -> list[Part]:
    pickled = Contender("from a pickle", servers.PICKLE, {"JSON": _CLASS})
    everything = Contender("all outputs asked for", servers.LOCKSTEP, {"JSON": V2()})
    reference = Contender("as above", servers.LOCKSTEP, {"JSON": _CLASS})
    found = [
        Part("The same, binary tensors", "iris", (_LOCKSTEP, _ROUTED, _KSERVE), _BINARY),
        Part("Other ways to ask Lockstep", "iris", (reference, pickled, everything), _JSON[:1]),
    ]
    if "onnx" in FORMATS:
        labels: Mapping[str, Dialect] = {
            "JSON": V2("FP32", "label", "X"),
            "binary": V2Binary("FP32", "label", "X"),
        }
        onnx = Contender("Lockstep, ONNX", servers.ONNX, labels)
        found.append(Part("The same model in ONNX", "iris-onnx", (onnx,), _FEW))
    if "xgboost" in FORMATS:
        classes: Mapping[str, Dialect] = {
            "JSON": V2("FP32", "predict"),
            "binary": V2Binary("FP32", "predict"),
        }
        boosted = Contender("Lockstep, XGBoost", servers.XGBOOST, classes)
        title = "Iris, XGBoost, 20 rounds"
        found.append(Part(title, "iris-xgboost", (boosted,), _FEW))
    return [*found, _slow()]


def _slow() -> Part:
    """A forest, which skops does not load without trust: all load the same pickle."""
    ours = Contender(OURS, servers.PICKLE, {"JSON": _CLASS})
    routed = Contender(ROUTED, servers.PICKLE, {"JSON": _CLASS}, routed=True)
    every = (ours, routed, _MLSERVER, _BATCHING, _KSERVE, _BENTOML)
    title = "A model that takes 5 ms: a random forest"
    return Part(title, "forest", every, _JSON[:1], slow=True)
