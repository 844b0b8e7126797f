"""The access log: a line per request, never its body, never its query."""

import logging
import time
from collections.abc import Mapping

_log = logging.getLogger("lockstep_runtime.access")


def log_access(
    facts: Mapping[str, str],
    method: str,
    path: str,
    status: int | str,
    *,
    start: float,
    request_id: str,
) -> None:
    """Log a request that was answered; `start` by `time.perf_counter`, `facts` are the server's."""
    fields = {
        **facts,
        "method": method,
        "path": path,
        "status": status,
        "ms": round((time.perf_counter() - start) * 1000, 3),
        "request_id": request_id,
    }
    _log.info("request", extra={"fields": fields})
