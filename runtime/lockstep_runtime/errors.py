"""The runtime's exceptions, one tree.

RuntimeFailure          the process cannot do its job; str() is the one-line reason a user reads
├── FetchFailure        the model's bytes cannot be brought here, or are not the expected ones
├── LoadFailure         the bytes are here and are no model that can be served
└── ListenFailure       the address cannot be listened on
RequestError            a request gets `status` and {"error": message}; always the client's mistake
                        but for 429, 503 (not ready), 504 and what /golden cannot hand on
├── InvalidInput        400: a field or tensor of the request is wrong
├── Overloaded          429: the queue is full
└── DeadlineExceeded    504: its turn did not come in time
"""


class RuntimeFailure(Exception):
    """Base of everything that ends the process with exit status 1 and a one-line reason."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class FetchFailure(RuntimeFailure):
    """The model cannot be fetched, or its bytes are not the expected ones."""


class LoadFailure(RuntimeFailure):
    """The fetched bytes are no model that this runtime can serve."""


class ListenFailure(RuntimeFailure):
    """The server cannot listen on its address."""


class RequestError(Exception):
    """An HTTP answer with `status`, the message as its `error` field and extra `headers`."""

    def __init__(
        self, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(message if len(message) <= 500 else message[:499] + "…")
        self.status = status
        self.headers = headers


class InvalidInput(RequestError):
    """400: the message names the field or tensor that is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


class Overloaded(RequestError):
    """429: so many requests wait already; the client should come back later."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            429, f"{waiting} requests wait already: try again later", ((b"retry-after", b"1"),)
        )


class DeadlineExceeded(RequestError):
    """504: the model was busy for as long as the client would wait, `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(504, f"the request waited for its timeout of {seconds:g} s")


def first_line(error: BaseException, limit: int = 300) -> str:
    """Return the error's message on one line, cut at `limit`, with its type when it is empty."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
