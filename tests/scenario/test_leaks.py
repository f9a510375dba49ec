"""Search the output of a bot at DEBUG for secrets, after links, refusals and faults."""

from pathlib import Path

import pytest

from bot.local.faults import Fault
from tests.leaks import find_leaks, remember
from tests.scenario.conftest import Product, create_profile


def test_debug_output_has_no_secrets(product: Product, tmp_path: Path) -> None:
    create_profile(product.domain_id, "leaky")
    product.cli("map", "U0LEAKY", "--domain", product.domain_id, "--profile", "leaky")
    product.cli("allow", "U0LEAKY")
    slack = product.slack
    slack.add_member("U0LEAKY", "leaky")
    garbage = b'{"AuthorizedUrl": "https://x.studio.eu-west-1.sagemaker.aws/auth?token=half-a-secr'
    faults: list[tuple[str, Fault] | Fault | None] = [
        None,
        ("CreatePresignedDomainUrl", Fault(body=garbage, status=200)),
        ("CreatePresignedDomainUrl", Fault(body=garbage, status=500, times=2)),
        ("CreatePresignedDomainUrl", Fault(drop=True, times=2)),
        ("UpdateItem", Fault(drop=True, times=4)),
        Fault(status=404),
        Fault(status=500),
        Fault(status=429, retry_after=30),
        Fault(drop=True, served=True),
        Fault(delay=2.0),
    ]
    secrets = [slack.bot_token, slack.signing_secret, "half-a-secr"]

    for fault in faults:
        if isinstance(fault, tuple):
            product.aws.inject(*fault)
        elif fault is not None:
            slack.inject("response_url", fault)
        exchange = slack.command("U0LEAKY")
        message = slack.answer_to(exchange, timeout=12)
        secrets += [exchange.response_url, exchange.id]
        if fault is None:
            pressed = slack.press("U0LEAKY", message, "open_studio")
            secrets += [slack.answer_to(pressed).text and pressed.response_url]
        secrets += [button.url for button in message.buttons() if button.url]
    slack.replay(exchange, slack.sign(exchange.body, secret="wrong"))
    slack.replay(exchange)
    product.aws.clear_faults()

    remember(tmp_path, *secrets)
    written = product.bot.log.read_text() + product.bot.get("/metrics")[1] + product.cli("history", "--json").stdout
    (tmp_path / "everything.log").write_text(written)
    assert "reply_refused" in written
    assert find_leaks(tmp_path) == []


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
