"""An empty FastAPI route: what a server costs that is written as everybody writes one."""

from fastapi import FastAPI

app = FastAPI()


@app.post("/infer")
async def infer() -> dict[str, str]:
    """Answer without looking at the request."""
    return {}
