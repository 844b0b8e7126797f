"""Keeping credentials out of logs and errors."""

import os
import re
from urllib.parse import urlsplit

_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|SAS|AUTH|DOCKERCONFIG", re.IGNORECASE)
_PATH_NAME = re.compile(r"(FILE|PATH|DIR|URI|URL|ENDPOINT)$|APPLICATION_CREDENTIALS", re.IGNORECASE)
_LEAST_SECRET = 8  # shorter values would blot out ordinary words
_USER = re.compile(r"(?<=://)(?<!mlflow://)[^\s/?#'\"]*@")
_QUERY = re.compile(r"(?<=\S)\?[^\s'\"<>)]*=[^\s'\"<>)]*")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[-._~+/=A-Za-z0-9]{8,}")


def redact(uri: str) -> str:
    """Return the URI without user, password and query, which may be credentials."""
    parts = urlsplit(uri)
    if parts.scheme == "mlflow":  # mlflow://NAME@ALIAS, a name and no user
        return uri
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def scrub(text: str) -> str:
    """Return a message without what may be a credential.

    That is: users and queries of URLs in it, authorization headers, and the values of environment
    variables whose names say that they are secret.
    """
    for value in sorted(_secret_values(), key=len, reverse=True):
        text = text.replace(value, "…")
    text = _USER.sub("", text)
    text = _QUERY.sub("?…", text)
    return _BEARER.sub(r"\1 …", text)


def _secret_values() -> set[str]:
    return {
        value
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name) and not _PATH_NAME.search(name) and len(value) >= _LEAST_SECRET
    }
