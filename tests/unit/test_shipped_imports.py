"""What ships imports nothing that a production install lacks, although a development install has it."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Extras that the code does without.
OPTIONAL = {"opentelemetry"}


def imports(node: ast.AST) -> Iterator[str]:
    """Yield the top-level packages that a module imports when it runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (each.name.partition(".")[0] for each in child.names)
        if isinstance(child, ast.ImportFrom) and child.module:
            yield child.module.partition(".")[0]
        yield from imports(child)


def test_shipped_code_imports_only_what_production_installs() -> None:
    installed = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    shipped = [path for path in (ROOT / "bot").rglob("*.py") if "local" not in path.relative_to(ROOT).parts]
    used = {name for path in shipped for name in imports(ast.parse(path.read_text()))}
    foreign = used - sys.stdlib_module_names - OPTIONAL - {"bot"}
    distributions = packages_distributions()

    lacking = {
        name for name in foreign if not {each.lower().replace("_", "-") for each in distributions[name]} & installed
    }

    assert len(foreign) > 10
    assert lacking == set()
