"""What the server knows of itself, shared by the routes."""

from dataclasses import dataclass, field
from enum import Enum

from lockstep_runtime.errors import RequestError
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.schema.enforcement import SchemaCheck
from lockstep_runtime.storage.golden import GoldenFile


class Phase(Enum):
    """The life of a server; it only moves forward."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"


@dataclass(slots=True)
class ServingState:
    """One model under one name and one version.

    Attributes:
        name: the model's name in URLs.
        revision: the version in URLs and answers; the ModelRevision's name in a cluster.
        engine: the loaded model, None until it is loaded and warmed up.
        golden: the golden requests beside the model, known once it is loaded.
        schema: what requests are held against; None: nothing but the model itself.
    """

    name: str
    revision: str
    phase: Phase = field(default=Phase.LOADING)
    engine: InferenceEngine | None = None
    golden: GoldenFile = field(default=GoldenFile())
    schema: SchemaCheck | None = None

    def loaded(self, engine: InferenceEngine) -> None:
        """Take requests from now on, unless the server drains already."""
        self.engine = engine
        if self.phase is Phase.LOADING:
            self.phase = Phase.READY

    @property
    def ready(self) -> bool:
        """The model is loaded, and nobody asked the server to go."""
        return self.phase is Phase.READY

    @property
    def draining(self) -> bool:
        """The server was asked to go; it still answers."""
        return self.phase is Phase.DRAINING

    def require_engine(self) -> InferenceEngine:
        """Return the engine.

        Raises:
            RequestError: 503, the model is not loaded yet.
        """
        if self.engine is None:
            raise RequestError(
                503, f"model {self.name!r} is still loading", ((b"retry-after", b"1"),)
            )
        return self.engine

    def require_model(self, name: str, version: str | None = None) -> None:
        """Check the names of a URL.

        Raises:
            RequestError: 404, another model or version.
        """
        if name != self.name:
            raise RequestError(404, f"unknown model {name!r}; this server has {self.name!r}")
        if version is not None and version != self.revision:
            raise RequestError(
                404, f"unknown version {version!r} of {name!r}; this server has {self.revision!r}"
            )
