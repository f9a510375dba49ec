"""boto3 sessions that share the service models they have parsed."""

from functools import cache

import boto3
import botocore.session
from botocore.loaders import Loader, create_loader


def new_session(core: botocore.session.Session | None = None) -> boto3.Session:
    """Return a session of its own credentials and events, with the process's one cache of service models.

    Without the cache, each session parses the endpoints and SageMaker's model again, which takes a third of a second.

    Raises:
        ProfileNotFound: AWS_PROFILE names no profile.
    """
    core = core or botocore.session.Session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return boto3.Session(botocore_session=core)


@cache
def _loader(data_path: str | None) -> Loader:
    return create_loader(data_path)
