"""The words of a refusal: short, kind, and with a next step."""

import re

import pytest

from bot.model import Reason
from bot.slack import words

NEXT_STEP = re.compile(r"\b(ask|tell|talk|wait|try again|type|name|use)\b|\{address\}|sign in", re.IGNORECASE)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.UNKNOWN_ALIAS])
def test_a_refusal_is_at_most_two_sentences_the_last_with_a_next_step(reason: Reason) -> None:
    text = words.REFUSALS[reason]
    assert len(re.findall(r"[.!?](?:\s|$)", text.replace("{address}", "Do so."))) <= 2
    assert NEXT_STEP.search(text)
    assert text == text.strip()
    assert "  " not in text
    assert "\n" not in text


def test_every_reason_has_words_and_there_are_none_without_a_reason() -> None:
    assert set(words.REFUSALS) | {Reason.UNKNOWN_ALIAS} == set(Reason)


def test_a_refusal_names_no_person_and_no_address() -> None:
    for text in [*words.REFUSALS.values(), words.NO_SUCH_ALIAS, words.STALE]:
        assert not re.search(r"<@|\b[UW][A-Z0-9]{8,}\b|https?://", text)


@pytest.mark.parametrize("reason", sorted(words.PASSING))
def test_what_may_pass_is_said_to_be_worth_another_try(reason: Reason) -> None:
    assert "try again" in words.REFUSALS[reason].lower()


@pytest.mark.parametrize("reason", [r for r in Reason if "again will not help" in words.REFUSALS.get(r, "")])
def test_what_does_not_pass_has_no_button_to_try_again(reason: Reason) -> None:
    assert reason not in words.PASSING
