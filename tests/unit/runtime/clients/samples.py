"""Values of every datatype; imported by the client programs, so it needs only numpy."""

import numpy as np

NUMERIC = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}


def samples():
    """Yield (datatype, array of shape [2, 2])."""
    for datatype, dtype in NUMERIC.items():
        if datatype == "BOOL":
            values = [True, False, False, True]
        elif datatype.startswith("FP"):
            values = [np.finfo(dtype).max, np.finfo(dtype).tiny, -0.5, 0.0]
        else:
            values = [np.iinfo(dtype).max, np.iinfo(dtype).min, 0, 1]
        yield datatype, np.array(values, dtype=dtype).reshape(2, 2)
    yield "BYTES", np.array([b"", "Öl".encode(), b"\xff\x00", b"a"], dtype=object).reshape(2, 2)
