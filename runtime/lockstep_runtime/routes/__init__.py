"""The HTTP paths: `infer` as raw ASGI, everything else on FastAPI."""
