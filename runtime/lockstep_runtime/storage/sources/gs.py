"""Models in Google Cloud Storage: `gs://BUCKET/PATH`.

Credentials come from GOOGLE_SERVICE_ACCOUNT_KEY (the key's JSON), GOOGLE_APPLICATION_CREDENTIALS
(a path), or the pod's identity. STORAGE_EMULATOR_HOST names another endpoint, which gets none.
"""

import os
from typing import TYPE_CHECKING

from obstore.store import GCSStore

from lockstep_runtime.storage.objects import (
    ObjectSource,
    client_options,
    opened,
    parse_address,
    retry_config,
)
from lockstep_runtime.storage.source import SourceOptions

if TYPE_CHECKING:
    from obstore.store import GCSConfig

_EMULATOR = "STORAGE_EMULATOR_HOST"


def parse(uri: str, options: SourceOptions) -> ObjectSource:
    """Take a gs URI apart.

    Raises:
        FetchFailure: it is malformed, or a setting in the environment is.
    """
    address, limits = parse_address(uri), options.limits
    config: GCSConfig = {}
    if host := os.environ.get(_EMULATOR):
        url = host if "://" in host else f"http://{host}"
        config = {"base_url": url, "skip_signature": True}
    store = opened(
        address.display,
        lambda: GCSStore(
            address.bucket,
            config=config,
            client_options=client_options(limits, {"url": config.get("base_url", "")}, ["url"]),
            retry_config=retry_config(limits),
        ),
    )
    return ObjectSource(address, store, limits)
