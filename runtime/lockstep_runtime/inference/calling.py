"""One call of the model, and what each of its requests gets of it."""

from lockstep_runtime.inference.batches import joined, taken_apart
from lockstep_runtime.inference.waiting import Request
from lockstep_runtime.model import Model
from lockstep_runtime.tensors import Tensor

Outcome = list[Tensor] | BaseException


def computed(model: Model, requests: list[Request]) -> list[Outcome]:
    """Call the model once; if it fails with several, call it for each: one may be to blame."""
    names = requests[0].outputs
    try:
        tensors = model.predict(joined([one.batch for one in requests]), names)
        if len(requests) == 1:
            return [tensors]
        return list(taken_apart(tensors, [one.rows for one in requests]))
    except Exception as error:
        if len(requests) == 1:
            return [error]
        return [outcome for one in requests for outcome in computed(model, [one])]
