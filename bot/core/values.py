"""Patterns, limits and checks of single values, from AWS's and Slack's own documentation."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version

# Our name in calls of AWS. boto3 would describe itself and the machine again for every call: a tenth of its time.
USER_AGENT = "studio-links"

# Lengths and patterns of CreatePresignedDomainUrl's parameters. The SDK enforces hardly any of them.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
DOMAIN_ID = re.compile(r"d-(-*[a-z0-9]){1,61}")
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
LANDING_URI = re.compile(
    r"(studio::|app:(JupyterServer|JupyterLab|RStudioServerPro|CodeEditor|Canvas):)[!-~]{0,1023}"
)
NAME_RULE = "1 to 63 letters, digits and inner hyphens"
LANDING_RULE = (
    "studio::PATH or app:NAME:PATH, NAME being JupyterServer, JupyterLab, RStudioServerPro, CodeEditor or Canvas"
)
MAX_NAME = 63
MAX_LANDING_URI = 1023
LINK_SECONDS = range(5, 301)
SESSION_SECONDS = range(1800, 43201)

# The names of this machine, where stand-ins listen and nothing leaves it.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# A host's name, or "*." and the name below which every host is meant.
HOST_PATTERN = re.compile(r"(\*\.[a-z0-9-]{1,63}\.)?([a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}")

EMAIL_DOMAIN = re.compile(r"([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}")

# The form only: botocore's partitions know which regions there are; see `aws.client.partition_of`.
REGION = re.compile(r"[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}")
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)

# Slack's ids are opaque, upper case, and start with a letter that tells their kind.
USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
GROUP_ID = re.compile(r"S[A-Z0-9]{1,30}")
PRINCIPAL = re.compile(rf"{USER_ID.pattern}|{GROUP_ID.pattern}")
TENANT_ID = re.compile(r"[TE][A-Z0-9]{1,30}")

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
MAX_SESSION_NAME_LENGTH = 64

ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
ALIAS_RULE = "1 to 32 lower-case letters, digits and hyphens"
DEFAULT_ALIAS = "default"
# Words of the `/studio` grammar, present and planned, which no alias may hide.
RESERVED_WORDS = frozenset(
    "help whoami request admin lab code canvas rstudio classic home space".split()  # noqa: SIM905 - reads better
)
MAX_REASON = 500
# Lone surrogates, which a shell makes of bytes that are no text, cannot be stored.
REASON = re.compile(rf"[^\ud800-\udfff]{{0,{MAX_REASON}}}")
REASON_RULE = f"text of at most {MAX_REASON} characters"


# Characters that a terminal obeys or that reorder what is read, apart from tabs and line ends.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# What may be a secret that somebody has put into the wrong variable.
MAY_BE_SECRET = re.compile(
    r"xox|xapp|@|(token|secret|key|password|signature)=|(?=[a-z+/=_]*[0-9])[a-z0-9+/=_]{12,}", re.IGNORECASE
)


def escape_controls(text: str) -> str:
    """Return a text with its control characters as JSON and Python write them, such as \\u202e."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def may_hold_secret(text: str) -> bool:
    """Return whether a text may hold a secret, so that no error may quote it."""
    return MAY_BE_SECRET.search(text) is not None


def shared_tenants(teams: Collection[str]) -> tuple[str, ...]:
    """Return the ids that have one set of rules, first the one that keeps it: an organisation and its workspaces.

    Empty without an organisation among them, and with several: a workspace could belong to any of those.
    """
    organisations = {team for team in teams if team.startswith("E")}
    return (*organisations, *sorted(set(teams) - organisations)) if len(organisations) == 1 else ()


class InvalidValue(ValueError):
    """A value breaks its rule. `str()` names the field, the value and what it may be."""

    def __init__(self, field_name: str, value: object, allowed: str) -> None:
        super().__init__(f"{field_name} {str(value)[:80]!r} is not valid: it must be {allowed}")
        self.field_name = field_name


def check_pattern(name: str, value: str, pattern: re.Pattern[str], longest: int, allowed: str) -> None:
    """Raise InvalidValue unless all of `value` matches `pattern` within `longest` characters."""
    # Length first: some of AWS's own patterns backtrack without end on long input.
    if len(value) > longest or not pattern.fullmatch(value):
        raise InvalidValue(name, value, allowed)


def check_range(name: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise InvalidValue(name, value, f"a whole number from {allowed.start} to {allowed.stop - 1}")


def our_version() -> str:
    """Return the version of this package; "unknown" if it runs from its sources without being installed."""
    try:
        return version(USER_AGENT)
    except PackageNotFoundError:
        return "unknown"


def install_hint(name: str) -> str:
    """Return how to install an extra of ours: neither a clone nor a wheel is on the public index."""
    return f"in a clone, `pip install '.[{name}]'`; with a wheel, `pip install 'FILE.whl[{name}]'`"


def is_group(principal: str) -> bool:
    """Return whether a principal is a user group; otherwise it is a user."""
    return principal.startswith("S")


# The clock of production; everything that needs the time is given a callable like this one.
utc_now = partial(datetime.now, UTC)
