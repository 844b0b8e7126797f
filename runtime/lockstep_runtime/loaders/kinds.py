"""What the values of an output are, judged by a trial where the framework does not tell."""

import numpy as np

from lockstep_runtime.tensors import Array, ValueKind

_TOLERANCE = 1e-3


def kind_of(values: Array) -> ValueKind:
    """Take integers, booleans and texts for labels, rows of shares for probabilities."""
    if values.dtype.kind != "f":
        return "label"
    shares = (
        values.ndim > 1 and values.shape[-1] > 1 and bool(((values >= 0) & (values <= 1)).all())
    )
    if shares and np.allclose(values.sum(axis=-1), 1, atol=_TOLERANCE):
        return "probability"
    return "number"
