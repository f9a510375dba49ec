"""The hosts to which a sign-in link may lead: SageMaker's own, and those that the installation names."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from bot.aws.client import partition_of
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.values import LOOPBACK

# The end of Studio's host names in each partition, as AWS has registered them: https://publicsuffix.org/list/
# The other partitions have none there, so their hosts have to be in STUDIO_LINK_HOSTS.
SUFFIXES = {"aws": "sagemaker.aws", "aws-us-gov": "sagemaker.aws", "aws-cn": "sagemaker.com.cn"}
# Slack takes no button URL longer than this. https://docs.slack.dev/reference/block-kit/block-elements/button-element
MAX_LENGTH = 3000
# No user name, no backslash, no encoded or upper-case letter in the host: nothing that two parsers read differently.
ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[::1\])(?P<port>:[0-9]{1,5})?([/?][!-\[\]-~]*)?", re.ASCII
)


def checked(url: object, *, region: str, endpoint: str, listed: Collection[str]) -> str:
    """Return the link if a Slack button can take it and it leads to Studio in the region.

    Args:
        endpoint: the address at which SageMaker answered. If that is this machine, the link may lead there as well.
        listed: further hosts; "*.example.com" means every host below it.

    Raises:
        StudioError: it cannot be used. The error names the host at most.
    """
    parsed = ADDRESS.fullmatch(url) if isinstance(url, str) and len(url) <= MAX_LENGTH else None
    if parsed is None:
        raise StudioError("AWS answered without a usable link: try again", reason=Reason.AWS_UNEXPECTED)
    scheme, host, port = parsed["scheme"], parsed["host"], parsed["port"]
    if host.strip("[]") in LOOPBACK:
        known = urlsplit(endpoint).hostname in LOOPBACK
    else:
        known = (scheme, port) == ("https", None) and (_is_sagemakers(host, region) or _is_listed(host, listed))
    if known:
        return parsed.string
    raise StudioError(
        f"AWS's link leads to {scheme}://{host}{port or ''}, which is not SageMaker's in {region}: if that is your "
        "own address of Studio, add the host to STUDIO_LINK_HOSTS; otherwise check AWS_ENDPOINT_URL_SAGEMAKER",
        reason=Reason.LINK_HOST_UNKNOWN,
    )


def _is_sagemakers(host: str, region: str) -> bool:
    domain, _, place = host.partition(".")
    return bool(domain) and place == f"studio.{region}.{SUFFIXES.get(partition_of(region) or '')}"


def _is_listed(host: str, listed: Collection[str]) -> bool:
    return any(host.endswith(each[1:]) if each.startswith("*.") else host == each for each in listed)
