"""The demo's page says everything in both languages."""

import re
from html.parser import HTMLParser

from bot.local.page.routes import FILES
from bot.local.page.under_the_hood import DESCRIPTIONS

SCRIPTS = {path.name: path.read_text() for path in FILES.glob("*.js")}
CATALOGUE = SCRIPTS.pop("words.js")
GERMAN = dict(re.findall(r'^ +"(.+)":\s+"(.+)",$', CATALOGUE, re.MULTILINE))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.in_body = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_body = self.in_body or tag == "body"
        self.found |= {value for name, value in attrs if name == "aria-label" and value}

    def handle_data(self, data: str) -> None:
        if self.in_body and data.strip():
            self.found.add(" ".join(data.split()))


def words_of_the_page() -> set[str]:
    page = _Words()
    page.feed((FILES / "index.html").read_text())
    return page.found


def test_page_is_translated_whole() -> None:
    said = set(re.findall(r'\bsay\("([^"]+)"', "\n".join(SCRIPTS.values())))
    described = {words for words, _ in DESCRIPTIONS.values() if words != "{name}"}
    assert len(said) > 30
    assert (words_of_the_page() | said | described) - set(GERMAN) == set()


def test_catalogue_has_no_unused_words() -> None:
    from_elsewhere = {words for words, _ in DESCRIPTIONS.values()}
    from_elsewhere |= {"guest", "admin", "opened the app's home tab", "opened the app's messages tab"}
    scripts = re.sub(r'"\s*\+ "', "", "\n".join(SCRIPTS.values()))  # what is written in several parts, joined
    unused = {words for words in GERMAN if f'"{words}"' not in scripts}
    assert unused - words_of_the_page() - from_elsewhere == set()


def test_translations_keep_the_places_of_values() -> None:
    for english, german in GERMAN.items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", german)), english
