"""Everything that can go wrong outside the policy, as one shallow tree.

    StudioLinksError            what happened, and what to do next
    ├── BadInput                a value somebody gave us breaks a rule
    ├── ConfigError             the environment is incomplete or wrong
    ├── ProfileConflict         another member already holds that SageMaker user profile
    ├── Changed                 somebody else changed the same records meanwhile
    ├── AlreadyRecorded         this request's id is in the audit: a replay
    ├── StoreError              DynamoDB            (reason: why no link was issued)
    ├── StudioError             SageMaker or STS    (reason: why no link was issued)
    └── SlackError              Slack's Web API     (reason: why no link was issued)

A refusal the policy expects is not an error: it is a `link.Denied`.
"""

from collections.abc import Callable

from bot.core.link import Reason


class StudioLinksError(Exception):
    """Something is broken or was refused. The message is one line that ends with what to do next."""


class BadInput(StudioLinksError):
    """A value from a member, an admin, a file or a stored record breaks a rule."""


class ConfigError(StudioLinksError):
    """An environment variable is missing or wrong; the message names it and what it may be."""


class ProfileConflict(StudioLinksError):
    """The SageMaker user profile is mapped to another member (names are compared without case)."""


class Changed(StudioLinksError):
    """The records changed between reading and writing; nothing was written."""

    def __init__(
        self,
        message: str = "somebody changed the same records meanwhile; nothing was written: look again, then retry",
    ) -> None:
        super().__init__(message)


class AlreadyRecorded(StudioLinksError):
    """The audit holds an entry with this request id: the request was seen before."""


class UpstreamError(StudioLinksError):
    """A service we depend on refused, failed or could not be understood.

    Attributes:
        reason: why no link was issued, as the member reads and the audit records it.
        code: the service's own error code, for the audit and the log; None if it gave none.
        request_id: the service's id for the failed call, with which to ask for help; None if unknown.
        sign_in_address: the plain address to use instead of a link, where a SageMaker domain has one.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Reason,
        code: str | None = None,
        request_id: str | None = None,
        sign_in_address: str | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.code, self.request_id, self.sign_in_address = reason, code, request_id, sign_in_address


class StoreError(UpstreamError):
    """DynamoDB refused, could not be reached, or returned a record we cannot read."""


class StudioError(UpstreamError):
    """SageMaker or STS refused, could not be reached, or answered something unexpected."""


class SlackError(UpstreamError):
    """Slack's Web API refused or could not be reached."""


class QueueFull(Exception):
    """A bounded queue has no room for another job; it was not accepted."""


def check_all(*checks: Callable[[], object]) -> None:
    """Make every check; raise StudioLinksError with all that failed, so that one run names everything."""
    problems = []
    for check in checks:
        try:
            check()
        except StudioLinksError as error:
            problems.append(str(error))
    if problems:
        raise StudioLinksError("; ".join(dict.fromkeys(problems)))
