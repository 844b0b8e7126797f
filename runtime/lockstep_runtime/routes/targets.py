"""Which paths ask for an inference, of which model, and in which protocol."""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote

from lockstep_runtime.inference.calling import Outcome
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.routes.codecs import Codec, V1Codec, V1ExplainCodec, V2Codec
from lockstep_runtime.service import submit, submit_explanation
from lockstep_runtime.state import ServingState

Submit = Callable[[ServingState, InferRequest, float | None, Callable[[Outcome], None]], None]
_V1, _V2 = V1Codec(), V2Codec()
_PATHS: tuple[tuple[re.Pattern[bytes], Codec, Submit], ...] = (
    (re.compile(rb"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer"), _V2, submit),
    (re.compile(rb"/v1/models/([^/]+):predict()"), _V1, submit),
    (re.compile(rb"/v1/models/([^/]+):explain()"), V1ExplainCodec(), submit_explanation),
)


class Target(NamedTuple):
    """What a path asks for.

    Attributes:
        version: None: whichever the server has.
    """

    codec: Codec
    submit: Submit
    model: str
    version: str | None

    @property
    def explains(self) -> bool:
        """Whether it asks for an explanation, which is no inference."""
        return self.submit is submit_explanation


def target_of(path: bytes) -> Target | None:
    """Return what an inference path asks for, of this model or another; None: it is none."""
    for pattern, codec, how in _PATHS:
        if match := pattern.fullmatch(path):
            name, version = (unquote(part.decode("latin-1")) for part in match.groups(b""))
            return Target(codec, how, name, version or None)
    return None


def own_targets(name: str, version: str) -> dict[bytes, Target]:
    """Return the inference paths of one model as clients write them, to spare the patterns."""
    model, versioned = quote(name, safe=""), quote(version, safe="")
    return {
        f"/v2/models/{model}/infer".encode(): Target(_V2, submit, name, None),
        f"/v2/models/{model}/versions/{versioned}/infer".encode(): Target(
            _V2, submit, name, version
        ),
        f"/v1/models/{model}:predict".encode(): Target(_V1, submit, name, None),
    }
