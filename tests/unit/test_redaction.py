"""Redaction of secrets in what the page shows under the hood."""

from typing import Any

import pytest

from bot.local.page.under_the_hood import LINK, SECRET, redacted

URL = "https://d-abc.studio.eu-west-1.sagemaker.aws/auth?token=eyJhbGciOi&x=1"
RESPONSE_URL = "http://127.0.0.1:8600/commands/T0/123/abc"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"response_url": RESPONSE_URL, "text": "hi"}, {"response_url": SECRET, "text": "hi"}),
        ({"token": "x", "trigger_id": "1.2.3"}, {"token": SECRET, "trigger_id": SECRET}),
        ({"elements": [{"type": "button", "url": "https://plain.example"}]}, None),
        ({"text": f"go to <{URL}|Studio> now"}, {"text": f"go to <{LINK}|Studio> now"}),
        ([f"see {RESPONSE_URL}", 5, None], [f"see {SECRET}", 5, None]),
        ({"AuthorizedUrl": URL}, {"AuthorizedUrl": LINK}),
        ({"token": None}, {"token": None}),
    ],
)
def test_redacted_drops_secrets_by_name_and_by_shape(value: Any, shown: Any) -> None:
    result = redacted(value)

    if shown is not None:
        assert result == shown
    assert "https://plain.example" not in str(result)
    assert "token=" not in str(result)
