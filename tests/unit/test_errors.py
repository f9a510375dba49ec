"""Errors have a reason for the audit, and suggest a next step."""

import pytest

from bot.core import errors
from bot.core.errors import SlackError, StoreError, StudioError, StudioLinksError, UpstreamError
from bot.core.link import Reason


@pytest.mark.parametrize("kind", [StoreError, StudioError, SlackError])
def test_upstream_error_has_reason_and_request_id(kind: type[UpstreamError]) -> None:
    error = kind("it failed: try again", reason=Reason.AWS_REFUSED, code="AccessDenied", request_id="aws-1")
    assert (str(error), error.reason, error.code, error.request_id) == (
        "it failed: try again",
        Reason.AWS_REFUSED,
        "AccessDenied",
        "aws-1",
    )
    bare = kind("it failed: try again", reason=Reason.INTERNAL)
    assert (bare.code, bare.request_id) == (None, None)


def test_studio_error_may_have_an_alternative_url() -> None:
    assert StudioError("x", reason=Reason.DOMAIN_SSO, sign_in_address="https://x").sign_in_address == "https://x"
    assert StudioError("x", reason=Reason.DOMAIN_SSO).sign_in_address is None


def test_docstring_shows_the_error_hierarchy() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, StudioLinksError)]
    assert len(kinds) > 5
    assert all(len(kind.__mro__) - len(StudioLinksError.__mro__) <= 2 for kind in kinds)
    drawn = errors.__doc__ or ""
    assert [kind.__name__ for kind in kinds if kind.__name__ not in drawn and kind is not UpstreamError] == []
