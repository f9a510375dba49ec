"""Every word that members read: one catalogue a language, complete by type.

A refusal says what happened and what to do next, in one or two plain sentences, and nothing about other people.
Names in braces are filled in; everything filled in has been escaped.
"""

from bot.slack.words.catalogue import Words
from bot.slack.words.de import GERMAN
from bot.slack.words.en import ENGLISH

CATALOGUES = {"en": ENGLISH, "de": GERMAN}


def words_for(locale: str | None) -> Words:
    """The catalogue for a locale as Slack or an operator writes it ("de-DE", "de_AT", "de"); English for others."""
    language = (locale or "").replace("_", "-").partition("-")[0].lower()
    return CATALOGUES.get(language, ENGLISH)


__all__ = ["CATALOGUES", "Words", "words_for"]
