"""The site of docs/: it builds without a warning, its links lead somewhere, and it loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent.parent
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


class Page(HTMLParser):
    """The ids of a page, its links, and the addresses that a browser loads for it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.classes: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.classes |= {*given.get("class", "").split()}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.loads += [given[name] for name in ("src", "srcset", "data", "poster") if name in given]
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site beside the repository, where `make docs` may be at work."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, re.sub(r"\x1b\[[0-9;]*m", "", built.stderr)  # it colours each letter
    return folder / "build" / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_site_links_and_anchors_resolve(site: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 20
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            assert there.is_relative_to(site), (
                f"{path.stem} links to {link}, which the site lacks: name the file instead"
            )
            assert there.exists(), (path.name, link)
            assert not parts.fragment or unquote(parts.fragment) in pages[there].ids, (path.name, link)


def test_site_loads_nothing_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    loads = [address for page in pages.values() for address in page.loads]
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    loads += re.findall(r"(?:url\(|@import )['\"]?([^'\")]+)", styles)

    assert len(loads) > len(pages)
    assert [load for load in loads if re.match(r"(https?:)?//", load)] == []
    fetched = {"mermaid", "pyodide", "glightbox"}  # the theme's program fetches these where a page has them
    assert [path.name for path, page in pages.items() if page.classes & fetched] == []


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    named = re.findall(r'"([\w/-]+\.md)"', text)

    assert tomllib.loads(text)["project"]["theme"]["font"] is False
    assert sorted(named) == sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))


def test_decisions_are_short_numbered_and_listed() -> None:
    listed = (ROOT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")
    for number, path in enumerate(DECISIONS, start=1):
        lines = path.read_text(encoding="utf-8").splitlines()
        title = lines[0].removeprefix(f"# {number}. ")
        assert path.name.startswith(f"{number:04}-")
        assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
        assert len(lines) < 25
        assert f"| {number} | [{title}]({path.name}) |" in listed


def test_readme_stays_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(text.splitlines()) < 150
    assert len(text.split()) < 900
