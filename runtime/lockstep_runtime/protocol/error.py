"""The body of every answer that is not 200."""

import orjson


def render_error(message: str) -> bytes:
    """Return the JSON body of an error answer."""
    return orjson.dumps({"error": message})
