"""Models in S3, or in what speaks its protocol: `s3://BUCKET/PATH`.

Credentials, region and endpoint come from the usual variables (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, …) or the pod's identity.
"""

import os

from obstore.store import S3Store

from lockstep_runtime.storage.objects import (
    ObjectSource,
    client_options,
    opened,
    parse_address,
    retry_config,
)
from lockstep_runtime.storage.source import SourceOptions

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def parse(uri: str, options: SourceOptions) -> ObjectSource:
    """Take an s3 URI apart.

    Raises:
        FetchFailure: it is malformed, or a setting in the environment is.
    """
    address, limits = parse_address(uri), options.limits
    store = opened(
        address.display,
        lambda: S3Store(
            address.bucket,
            client_options=client_options(limits, os.environ, _ENDPOINTS),
            retry_config=retry_config(limits),
        ),
    )
    return ObjectSource(address, store, limits)
