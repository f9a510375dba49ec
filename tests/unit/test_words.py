"""Catalogues of texts: short, with a next step, and complete in every language."""

import re
from pathlib import Path
from string import Formatter

import pytest

from bot.core.link import Reason
from bot.slack.members.views import PASSING
from bot.slack.words import CATALOGUES, Words, words_for
from bot.slack.words.admin_en import AdminWords
from bot.slack.words.running_en import RunningWords
from bot.slack.words.workspaces_en import WorkspaceWords

Catalogue = Words | AdminWords | RunningWords | WorkspaceWords
SLACK = Path(__file__).parent.parent.parent / "bot/slack"
SPOKEN_BY_HELP = {Reason.UNKNOWN_ALIAS}
SPOKEN = [reason for reason in Reason if reason not in SPOKEN_BY_HELP]
NEXT_STEP = {
    "en": r"\b(ask|tell|talk|wait|try again|type|name|use|sign in)\b",
    "de": r"\b(bitte|sag|sprich|warte|versuch|tippe|nenne|nutze|melde|frag)\b",
}
ANOTHER_TRY = {"en": "try again", "de": "versuch es"}
NO_OTHER_TRY = {"en": "again will not help", "de": "ein neuer versuch hilft nicht"}

in_each_language = pytest.mark.parametrize("language", CATALOGUES)
for_each_reason = pytest.mark.parametrize("reason", SPOKEN)


def names(words: Catalogue | type[Catalogue]) -> list[str]:
    """Return the names of the texts that a catalogue's own class defines."""
    catalogue = words if isinstance(words, type) else type(words)
    return [name for name in vars(catalogue) if not name.startswith("__")]


def texts(words: Catalogue) -> dict[str, str]:
    """Return every text of a catalogue by its path."""
    found: dict[str, str] = {}
    for name in names(words):
        value = getattr(words, name)
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, AdminWords | RunningWords | WorkspaceWords):
            found |= {f"{name} {where}": text for where, text in texts(value).items()}
        elif isinstance(value, tuple):
            found |= {f"{name} {number}": text for number, text in zip(("one", "many"), value, strict=True)}
        else:
            found |= {f"{name} {key}": text for key, text in value.items()}
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def only_words(text: str) -> list[str]:
    """Return the part that a translation changes: the words outside of braces, code and names."""
    return re.findall(r"[^\W\d_]+", re.sub(r"`[^`]*`|\{[^}]*\}|SageMaker|Studio|Slack|AWS", "", text))


@pytest.mark.public(15)
@in_each_language
def test_shell_commands_stand_beside_those_of_slack(language: str) -> None:
    words = CATALOGUES[language]
    for where, text in (texts(words) | texts(words.admin)).items():
        for sentence in text.split(". "):
            assert "studio-links" not in sentence or "{command} admin" in sentence, where


# Completeness


def test_english_and_another_language_exist() -> None:
    assert "en" in CATALOGUES
    assert len(CATALOGUES) > 1
    assert len({id(words) for words in CATALOGUES.values()}) == len(CATALOGUES)
    assert set(CATALOGUES) == set(NEXT_STEP), "what these tests look for has to be said in every language"


@in_each_language
def test_refusals_match_the_reasons(language: str) -> None:
    assert set(CATALOGUES[language].refusals) == set(SPOKEN)


@in_each_language
def test_no_text_is_missing(language: str) -> None:
    words, english = CATALOGUES[language], CATALOGUES["en"]
    assert set(names(words)) == set(names(english)), "each language has every text itself, none is inherited"
    assert set(names(words.admin)) == set(names(english.admin))
    assert set(names(words.running)) == set(names(english.running))
    assert set(names(words.workspaces)) == set(names(english.workspaces))
    found = texts(words)
    assert set(found) == set(texts(english))
    for where, text in found.items():
        assert text.strip(), where


@in_each_language
def test_no_text_is_left_in_english(language: str) -> None:
    english = texts(CATALOGUES["en"])
    if language != "en":
        same = {where for where, text in texts(CATALOGUES[language]).items() if text == english[where]}
        assert {where: english[where] for where in same if len(only_words(english[where])) > 1} == {}


@pytest.mark.parametrize("where", texts(CATALOGUES["en"]))
def test_languages_use_the_same_placeholders(where: str) -> None:
    expected = placeholders(texts(CATALOGUES["en"])[where])
    for language, words in CATALOGUES.items():
        assert placeholders(texts(words)[where]) == expected, language


@in_each_language
def test_placeholders_are_named(language: str) -> None:
    for where, text in texts(CATALOGUES[language]).items():
        assert all(re.fullmatch(r"[a-z]+", name) for name in placeholders(text)), where
        rest = re.sub(r"\{[a-z]+\}", "", text)
        assert not set("{}%") & set(rest), where


@pytest.mark.parametrize(
    "field", [name for words in (Words, AdminWords, RunningWords, WorkspaceWords) for name in names(words)]
)
def test_no_unused_texts(field: str) -> None:
    sources = [path.read_text() for path in SLACK.rglob("*.py")]
    assert any(re.search(rf"\.{field}\b", source) for source in sources)


# Style


@in_each_language
def test_texts_are_tidy(language: str) -> None:
    for where, text in texts(CATALOGUES[language]).items():
        tidy = text.removeprefix(", ") if where == "space" else text
        assert tidy == tidy.strip(), where
        assert "  " not in text, where
        assert text.count("`") % 2 == 0, where
        assert text.count("*") % 2 == 0, where


@in_each_language
@for_each_reason
def test_refusal_is_two_sentences_with_a_next_step(language: str, reason: Reason) -> None:
    words = CATALOGUES[language]
    for address in (words.sso_address, words.sso_no_address):
        text = words.refusals[reason].replace("{address}", address)
        assert len(re.split(r"(?<=[.!?])\s+", text)) <= 2
        assert re.search(NEXT_STEP[language], text, re.IGNORECASE)
        assert "\n" not in text


@in_each_language
@for_each_reason
def test_refusal_uses_only_known_placeholders(language: str, reason: Reason) -> None:
    assert placeholders(CATALOGUES[language].refusals[reason]) <= {"command", "address", "notice", "when"}


@in_each_language
def test_no_text_names_a_person_or_an_address(language: str) -> None:
    for where, text in texts(CATALOGUES[language]).items():
        assert not re.search(r"\b[UW][A-Z0-9]{8,}\b|https?://|@(?!\{)|<(?!@\{[a-z]+\}>)", text), where


@in_each_language
@pytest.mark.parametrize("reason", sorted(PASSING))
def test_temporary_refusal_suggests_another_try(language: str, reason: Reason) -> None:
    assert ANOTHER_TRY[language] in CATALOGUES[language].refusals[reason].lower()


@in_each_language
@for_each_reason
def test_permanent_refusal_has_no_retry_button(language: str, reason: Reason) -> None:
    hopeless = NO_OTHER_TRY[language] in CATALOGUES[language].refusals[reason].lower()
    assert not (hopeless and reason in PASSING)
    assert hopeless == (NO_OTHER_TRY["en"] in CATALOGUES["en"].refusals[reason].lower())


@pytest.mark.public(9)
@pytest.mark.parametrize("reason", [Reason.AWS_REFUSED, Reason.STORE_REFUSED, Reason.SLACK_REFUSED])
@pytest.mark.parametrize("language", CATALOGUES)
def test_refusal_blames_the_setup_and_no_permission(language: str, reason: Reason) -> None:
    """The cause may also be a certificate, a proxy, a clock or an expired login."""
    set_up = {"en": "not set up correctly", "de": "nicht richtig eingerichtet"}
    assert set_up[language] in CATALOGUES[language].refusals[reason]


# Choice of language

LOCALES: list[tuple[str | None, str]] = [
    (None, "en"),
    ("", "en"),
    ("en", "en"),
    ("en-US", "en"),
    ("en-GB", "en"),
    ("de", "de"),
    ("de-DE", "de"),
    ("de-AT", "de"),
    ("de_CH", "de"),
    ("de_DE.UTF-8", "de"),
    ("DE", "de"),
    ("De-de", "de"),
    ("fr-FR", "en"),
    ("zh-Hant-TW", "en"),
    ("den", "en"),
    ("deutsch", "en"),
    ("d", "en"),
    ("-de", "en"),
    ("C.UTF-8", "en"),
    ("x" * 10_000, "en"),
    ("\u202ede", "en"),
]


@pytest.mark.parametrize(("locale", "language"), LOCALES, ids=[repr(locale)[:20] for locale, _ in LOCALES])
def test_locale_selects_the_language(locale: str | None, language: str) -> None:
    assert words_for(locale) is CATALOGUES[language]


@in_each_language
def test_language_is_found_by_its_name(language: str) -> None:
    assert words_for(language) is CATALOGUES[language]
