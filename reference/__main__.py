"""Write the pages, and nothing else into their folder: `python -m reference`."""

from reference.pages import FOLDER, pages

made = pages()
FOLDER.mkdir(exist_ok=True)
for old in FOLDER.iterdir():
    old.unlink()
for name, text in made.items():
    (FOLDER / name).write_text(text, encoding="utf-8")
