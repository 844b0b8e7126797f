"""Kubernetes quantities in one canonical form, so that `1` and `1000m` are the same content."""

import re
from decimal import Decimal

_SUFFIXES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(r"([+]?[0-9.]+)(?:([eE][+-]?\d+)|([mkKMGTPE]i?)?)")


def canonical(quantity: int | str) -> str:
    """Return the plain decimal number that a quantity stands for; `1Gi` is `1073741824`.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

    Raises:
        ValueError: it is not a quantity.
    """
    match = _QUANTITY.fullmatch(str(quantity))
    if not match or match[3] not in (None, *_SUFFIXES):
        raise ValueError(f"{quantity!r} is not a quantity")
    value = Decimal(match[1] + (match[2] or "")) * _SUFFIXES[match[3] or ""]
    return format(value.normalize(), "f")
