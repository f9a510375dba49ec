"""Metadata of the wheel that names the repository it is built for.

The source names no repository, so that each copy's releases lead to that copy.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"(!?)(\[[^]]*]\()(?!https?:|#)")


class RepositoryMetadata(MetadataHookInterface):
    """Set the URLs, and make the README's links absolute, if the environment names a repository as GitHub does."""

    def update(self, metadata: dict[str, Any]) -> None:
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        if repository := os.environ.get("GITHUB_REPOSITORY"):
            source = f"https://github.com/{repository}"
            tag = f"v{metadata['version']}"
            metadata["urls"] = {
                "Source": source,
                "Changelog": f"{source}/blob/{tag}/CHANGELOG.md",
                "Documentation": f"{source}/tree/{tag}/docs",
                "Issues": f"{source}/issues",
                "Security": f"{source}/security/policy",
            }
            readme = RELATIVE.sub(
                lambda link: f"{link[1]}{link[2]}{source}/{'raw' if link[1] else 'blob'}/{tag}/", readme
            )
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}
