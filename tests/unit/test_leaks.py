"""The search for secrets finds them: otherwise every scenario that relies on it would pass."""

from pathlib import Path

import pytest

from tests.leaks import find_leaks, remember

LEAKS = {
    "a presigned link": "GET https://d-1.studio.eu-west-1.sagemaker.aws/auth?token=eyJhbGciOiJI",
    "a Slack token": "Authorization: Bearer xoxb-12345678-abcdefgh",
    "a response_url": "POST https://hooks.slack.com/commands/T0/123/abcdefgh",
    "a secret of the tests": "signing with 5f2b1c",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_find_leaks_reports_each_kind_of_secret(tmp_path: Path, kind: str) -> None:
    remember(tmp_path, "5f2b1c")
    (tmp_path / "bot.log").write_text(LEAKS[kind])

    assert find_leaks(tmp_path) == [f"bot.log holds {kind}"]
