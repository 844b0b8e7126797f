"""One inference, whichever protocol it came by."""

from collections.abc import Sequence

from lockstep_runtime.protocol.requests import InferRequest, select_outputs
from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import Tensor


async def infer(
    state: ServingState, request: InferRequest, patience: float | None
) -> Sequence[Tensor]:
    """Return the outputs of a request that was decoded; it waits for `patience` seconds at most.

    Raises:
        RequestError: the model is not loaded, refuses the request, or is too busy.
    """
    engine = state.require_engine()
    model = engine.model
    names = select_outputs(request.outputs, model.outputs)
    return await engine.run(model.prepare(request.inputs), names, patience)
