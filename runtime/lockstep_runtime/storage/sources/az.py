"""Models in Azure Blob Storage: `az://CONTAINER/PATH`.

The account comes from AZURE_STORAGE_ACCOUNT_NAME; credentials from AZURE_STORAGE_ACCOUNT_KEY,
AZURE_STORAGE_SAS_TOKEN or AZURE_CLIENT_ID and its kin, or the pod's identity;
AZURE_STORAGE_ENDPOINT names another endpoint.
"""

import os

from obstore.store import AzureStore

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.objects import (
    ObjectSource,
    client_options,
    opened,
    parse_address,
    retry_config,
)
from lockstep_runtime.storage.source import SourceOptions

_ENDPOINTS = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"


def parse(uri: str, options: SourceOptions) -> ObjectSource:
    """Take an az URI apart.

    Raises:
        FetchFailure: it is malformed, or a setting in the environment is missing or malformed.
    """
    address, limits = parse_address(uri), options.limits
    if not os.environ.get(_ACCOUNT):
        raise FetchFailure(f"{address.display}: the storage account is missing: set {_ACCOUNT}")
    store = opened(
        address.display,
        lambda: AzureStore(
            address.bucket,
            client_options=client_options(limits, os.environ, _ENDPOINTS),
            retry_config=retry_config(limits),
        ),
    )
    return ObjectSource(address, store, limits)
