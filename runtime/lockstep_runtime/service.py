"""One inference, explanation or stream, whichever protocol it came by."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from lockstep_runtime.errors import RequestError
from lockstep_runtime.inference.calling import Outcome
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.model import explain_of, predict_stream_of, prepared
from lockstep_runtime.protocol.requests import InferRequest, select_outputs
from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import Batch, Tensor


def submit(
    state: ServingState,
    request: InferRequest,
    patience: float | None,
    done: Callable[[Outcome], None],
) -> None:
    """Have a decoded request answered: `done` is called later with its outputs, or an error.

    It waits for `patience` seconds at most.

    Raises:
        RequestError: the model is not loaded, refuses the request, or is too busy.
    """
    engine = state.require_engine()
    names = select_outputs(request.outputs, engine.outputs)
    engine.submit(_batch(state, engine, request), names, patience, done)


async def infer(
    state: ServingState, request: InferRequest, patience: float | None
) -> Sequence[Tensor]:
    """Return the outputs of a decoded request; it waits for `patience` seconds at most.

    Raises:
        RequestError: the model is not loaded, refuses the request, or is too busy.
    """
    engine = state.require_engine()
    names = select_outputs(request.outputs, engine.outputs)
    return await engine.run(_batch(state, engine, request), names, patience)


def submit_explanation(
    state: ServingState,
    request: InferRequest,
    patience: float | None,
    done: Callable[[Outcome], None],
) -> None:
    """Have the model's predictions explained, as in `submit`; that takes as long as it takes.

    Raises:
        RequestError: as in `submit`, or 501: the model does not explain.
    """
    engine = state.require_engine()
    explaining = explain_of(engine.model)
    if explaining is None:
        raise RequestError(501, f"model {state.name!r} does not explain its predictions")
    batch = _batch(state, engine, request)
    engine.submit_alone(lambda: explaining(batch), done)


async def stream(state: ServingState, request: InferRequest) -> AsyncIterator[Sequence[Tensor]]:
    """Yield the model's answer bit by bit; between two, others may have the model.

    Raises:
        RequestError: as in `submit`, or 501: the model answers all at once.
    """
    engine = state.require_engine()
    streaming = predict_stream_of(engine.model)
    if streaming is None:
        raise RequestError(501, f"model {state.name!r} does not stream: use infer")
    batch = _batch(state, engine, request)
    parts: Iterator[list[Tensor]] = await engine.alone(lambda: iter(streaming(batch)))
    while (part := await engine.alone(lambda: next(parts, None))) is not None:
        yield part


def _batch(state: ServingState, engine: InferenceEngine, request: InferRequest) -> Batch:
    if state.schema is not None:
        state.schema.check(request.inputs)
    return prepared(engine.model, request.inputs, request.parameters)
