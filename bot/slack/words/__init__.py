"""Every word that members read: one catalogue a language. A test finds texts that a language lacks.

A refusal says what happened and what to do next, in one or two plain sentences, and nothing about other people.
Names in braces are filled in; everything filled in has been escaped.
"""

from collections.abc import Mapping
from functools import lru_cache

from bot.slack.words.de import GermanWords
from bot.slack.words.en import Words

CATALOGUES: Mapping[str, Words] = {"en": Words(), "de": GermanWords()}


@lru_cache(maxsize=64)
def words_for(locale: str | None) -> Words:
    """The catalogue for a locale as Slack or an operator writes it ("de-DE", "de_AT", "de"); English for others."""
    language = (locale or "").replace("_", "-").partition("-")[0].lower()
    return CATALOGUES.get(language, CATALOGUES["en"])


__all__ = ["CATALOGUES", "Words", "words_for"]
