"""Links from a page to what is beside `docs/` in the repository, which work on GitHub as they are.

A file is offered for download, as MyST does. An example leads to its page in the gallery, a
document to the page that includes it, and a folder to a list of its files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "examples": "auto_examples/index.rst",
}
LINK = re.compile(r"(?<=\]\()(\.\./)+(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]+)?(?=\))")


def listing(folder: Path) -> str:
    """Name the page that lists the files of a folder."""
    return "-".join(folder.parts)


def lead_on(app: Any, name: str, source: list[str]) -> None:
    """Let links that leave `docs/` lead to a page of the site."""
    docs = Path(app.srcdir)
    if Path(app.env.doc2path(name)).suffix != ".md" or "/" in name:
        return

    def page_for(link: re.Match[str]) -> str:
        path, anchor = Path(link["path"]), link["anchor"] or ""
        if str(path) in PAGES:
            return PAGES[str(path)] + anchor
        if path.parent == Path("examples") and path.name.startswith("plot_"):
            return f"auto_examples/{path.stem}.rst"
        if (docs.parent / path).is_dir():
            return f"generated/{listing(path)}.md"
        return link[0]

    source[0] = LINK.sub(page_for, source[0])


def write_listings(app: Any) -> None:
    """Write a page for every folder that a page links."""
    docs = Path(app.srcdir)
    links = [link for page in docs.glob("*.md") for link in LINK.finditer(page.read_text())]
    for path in sorted({Path(link["path"]) for link in links}):
        folder = docs.parent / path
        if folder.is_dir() and str(path) not in PAGES:
            files = [file for file in sorted(folder.rglob("*")) if _is_shown(file)]
            lines = [
                f"- {{download}}`{file.relative_to(folder)} </../{file.relative_to(docs.parent)}>`"
                for file in files
            ]
            page = docs / "generated" / f"{listing(path)}.md"
            page.parent.mkdir(exist_ok=True)
            page.write_text("\n".join(["---", "orphan: true", "---", f"# `{path}`", "", *lines]))


def _is_shown(file: Path) -> bool:
    return file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write_listings)
    app.connect("source-read", lead_on)
    return {"parallel_read_safe": True}
