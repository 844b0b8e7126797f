"""What a loader returns and the server serves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lockstep_runtime.tensors import Batch, Tensor, TensorSpec


class Model(Protocol):
    """A loaded model, independent of its framework. Used by one thread at a time.

    Attributes:
        platform: the framework, as the metadata tells it.
        inputs, outputs: as the metadata tells them; the loader also says of each output whether
            it is a label, a probability or a number, for a datatype does not tell.
        parameters: more for the metadata, JSON-serialisable.
        batchable: rows are independent, so rows of several requests can be one call.
    """

    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: Mapping[str, Any]
    batchable: bool

    def prepare(self, tensors: Sequence[Tensor]) -> Batch:
        """Turn a request's tensors into one batch, rows first.

        Raises:
            InvalidInput: they are not what the model takes; the message names the tensor.
        """

    def predict(self, batch: Batch, outputs: Sequence[str]) -> list[Tensor]:
        """Compute the outputs of these names for a batch.

        A batchable model gives as many rows as it is given.

        Raises:
            InvalidInput: the model refuses these values.
        """

    def example(self, rows: int) -> Batch | None:
        """Return a batch that the model takes, for warming up; None when none is known."""


class Loader(Protocol):
    """A module of `loaders` for one format."""

    def load(self, content: Path, *, trust_pickle: bool) -> Model:
        """Load the model from the folder that holds its file or tree.

        A file `storage.golden.GOLDEN` in it is never the model.

        Raises:
            LoadFailure: with a one-line reason.
        """
