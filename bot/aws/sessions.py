"""boto3 sessions that share the service models they have parsed."""

from functools import cache

import boto3
import botocore.session
from botocore.loaders import Loader, create_loader

from bot.core.ports import Failed
from bot.observability.aws_failures import count_aws_failures


def new_session(core: botocore.session.Session | None = None, failed: Failed | None = None) -> boto3.Session:
    """Return a session of its own credentials and events, with the process's one cache of service models.

    Without the cache, each session parses the endpoints and SageMaker's model again, which takes a third of a second.

    Args:
        failed: counts each call that AWS refused or did not answer, after retries.

    Raises:
        ProfileNotFound: AWS_PROFILE names no profile.
    """
    core = core or botocore.session.Session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    session = boto3.Session(botocore_session=core)
    if failed is not None:
        count_aws_failures(session.events, failed)
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    return create_loader(data_path)
