"""What a loader returns and the server serves."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from lockstep_runtime.tensors import Batch, Tensor, TensorSpec


class Model(Protocol):
    """A loaded model, independent of its framework. Used by one thread at a time.

    What only some models can do, `explain_of`, `predict_stream_of` and `prepared` find.

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


class Prepare(Protocol):
    """`prepare_with` of a model that reads the parameters of a request: `prepare` with them."""

    def __call__(self, tensors: Sequence[Tensor], parameters: Mapping[str, Any]) -> Batch:
        """Turn a request's tensors and its parameters into one batch."""


class Explain(Protocol):
    """`explain` of a model that explains its predictions. Called like predict, where it is."""

    def __call__(self, batch: Batch) -> list[Tensor]:
        """Explain the predictions for a batch of one request.

        Raises:
            InvalidInput: the model refuses these values.
        """


class PredictStream(Protocol):
    """`predict_stream` of a model that answers bit by bit. Called like predict, where it is."""

    def __call__(self, batch: Batch) -> Iterator[list[Tensor]]:
        """Yield the outputs of a batch of one request, some at a time.

        Raises:
            InvalidInput: the model refuses these values; when the first is asked for.
        """


def prepared(model: Model, tensors: Sequence[Tensor], parameters: Mapping[str, Any]) -> Batch:
    """Prepare a request, with its parameters where the model reads them."""
    prepare_with = cast("Prepare | None", getattr(model, "prepare_with", None))
    if prepare_with is None or not parameters:
        return model.prepare(tensors)
    return prepare_with(tensors, parameters)


def explain_of(model: Model) -> Explain | None:
    """Return the model's `explain`; None: it does not explain."""
    return cast("Explain | None", getattr(model, "explain", None))


def predict_stream_of(model: Model) -> PredictStream | None:
    """Return the model's `predict_stream`; None: it answers all at once."""
    return cast("PredictStream | None", getattr(model, "predict_stream", None))


class Loader(Protocol):
    """A module of `loaders` for one format."""

    def load(self, content: Path, *, trust_pickle: bool) -> Model:
        """Load the model from the folder that holds its file or tree.

        `trust_pickle`: the user allows that code in these files runs.

        A file `storage.golden.GOLDEN` in it is never the model.

        Raises:
            LoadFailure: with a one-line reason.
        """
