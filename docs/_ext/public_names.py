"""Pages of the API reference, out of what the modules of skdal say is public.

``{public-names} skdal.metrics`` in a page becomes a table of the module's ``__all__``, and every
name in it gets a page. So a name that becomes public is documented with no list to be kept here.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from docutils import nodes
from sphinx import addnodes
from typer.cli import get_docs_for_click

import skdal
from skdal.cli import make_app

DIRECTIVE = re.compile(r"^```\{public-names\} (\S+)\n```$", re.MULTILINE)

PAGE = """\
{title}
{line}

.. currentmodule:: {module}

.. auto{kind}:: {name}
{options}
.. minigallery:: {name}
   :add-heading: Gallery
   :heading-level: -
"""


def public_names(module: str) -> dict[str, str]:
    """Return the names that a module makes public, and the address under which each is known.

    That is the shortest: what ``skdal`` itself has is not documented once more elsewhere.
    """
    names = [name for name in import_module(module).__all__ if not name.startswith("__")]
    return {name: f"{'skdal' if name in skdal.__all__ else module}.{name}" for name in names}


def listed_modules(folder: Path) -> list[str]:
    """Return the modules whose names the pages of a folder list."""
    pages = sorted(folder.glob("*.md"))
    return [module for page in pages for module in DIRECTIVE.findall(page.read_text())]


def write_pages(app: Any) -> None:
    """Write a page for every public name, and one for the command line."""
    folder = Path(app.srcdir) / "generated"
    app.env.public_names = {}
    stale = set(folder.glob("skdal.*.rst"))
    for module in listed_modules(Path(app.srcdir) / "api"):
        for short, name in public_names(module).items():
            home = name.rpartition(".")[0]
            is_class = inspect.isclass(getattr(import_module(home), short))
            page = PAGE.format(
                title=short,
                line="=" * len(short),
                module=home,
                kind="class" if is_class else "function",
                name=name,
                options="   :members:\n   :inherited-members:\n" if is_class else "",
            )
            _write(folder / f"{name}.rst", page)
            stale.discard(folder / f"{name}.rst")
            app.env.public_names[name] = name
            if re.match("[A-Z].{3}", short):  # `load` may be anything, `LeNetClassifier` may not
                app.env.public_names[short] = name
    for path in stale:
        path.unlink()
    _write(folder / "command_line.md", _command_line())


def _command_line() -> str:
    """Return what ``--help`` says of every command, as Markdown."""
    command = typer.main.get_command(make_app())
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="skdal")
    text = text.replace("# `skdal`", "# Command line", 1)
    text = re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+", "", text)  # they follow, and whole
    text = re.sub(r"^(\* `[A-Z]+) <.*?>`", r"\1`", text, flags=re.MULTILINE)
    text = re.sub(r"^skdal .*", r"```console\n$ \g<0>\n```", text, flags=re.MULTILINE)
    return re.sub(r"(?<=[ (,])--[a-z][a-z-]*(?![^`\n]*`[:,])", r"`\g<0>`", text)


def _write(path: Path, text: str) -> None:
    """Write a page if it is not there as it should be: what did not change is not built again."""
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write_tables(app: Any, docname: str, source: list[str]) -> None:
    """Put tables of public names in the place of the directives."""
    source[0] = DIRECTIVE.sub(lambda found: _table(found[1]), source[0])


def _table(module: str) -> str:
    names = public_names(module)
    lines = [f"```{{py:module}} {module}", "```", "", "| | |", "|---|---|"]
    lines += [
        f"| [`{short}`](../generated/{name}.rst) | {_summary(module, short)} |"
        for short, name in names.items()
    ]
    lines += ["", "```{toctree}", ":hidden:", ""]
    lines += [f"../generated/{name}" for name in names.values()] + ["```"]
    return "\n".join(lines)


def _summary(module: str, name: str) -> str:
    """Return the first line of a docstring as Markdown."""
    line = inspect.getdoc(getattr(import_module(module), name)).partition("\n")[0]
    line = re.sub(r" \[\d\]_|(?<=\()\[\d\]_, ", "", line)  # what is cited
    return re.sub(r":\w+:(?=`)", "", line).replace("``", "`").replace("|", r"\|")


def skip_foreign(
    app: Any, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what scikit-learn, skorch or torch have written: they document it."""
    function = inspect.unwrap(getattr(member, "fget", getattr(member, "__func__", member)))
    is_request = re.fullmatch(r"set_\w+_request", name) is not None
    foreign = not str(getattr(function, "__module__", "")).startswith("skdal")
    return True if is_request or foreign else None


def link_names(app: Any, doctree: nodes.document) -> None:
    """Make a public name in a line of text a link to its page."""
    for literal in list(doctree.findall(nodes.literal)):
        name = app.env.public_names.get(literal.astext().removesuffix("()"))
        outside = isinstance(literal.parent, nodes.TextElement)
        if name and outside and not isinstance(literal.parent, (nodes.reference, nodes.title)):
            link = addnodes.pending_xref(
                "",
                literal.deepcopy(),
                refdomain="py",
                reftype="obj",
                reftarget=name,
                refexplicit=True,
                refwarn=True,
                refdoc=app.env.docname,
            )
            literal.replace_self(link)


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write_pages)
    app.connect("source-read", write_tables)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("doctree-read", link_names)
    return {"parallel_read_safe": True}
