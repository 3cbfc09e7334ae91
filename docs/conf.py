"""How Sphinx builds the documentation: `make docs`."""

import re
import sys
import warnings
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "skdal"
author = "skdal developers"
copyright = f"2026, {author}"
version = release = version_of("skdal")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.autosummary",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "public_names",
    "repository_links",
]
exclude_patterns = ["images", "auto_examples/*.ipynb"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}

# Anchors of headings are those of GitHub, where the same pages are read.
myst_heading_anchors = 4
smartquotes = False  # an option of two dashes stays one

autodoc_typehints = "none"  # the docstrings say more
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
autosummary_generate = False  # numpydoc brings it

# No inventory of another site is fetched: a build needs no network. Names of others stay plain.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(matplotlib|numpy|skactiveml|sklearn|skorch|torch)\..*")]

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdal",),
    "reference_url": {"skdal": None},
    "within_subsection_order": "ExampleTitleSortKey",
    "min_reported_time": 1_000,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
}
# What the examples warn of is seen by their tests, where a warning is an error.
warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")

html_theme = "pydata_sphinx_theme"
html_title = f"skdal {version}"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_toc_level": 2,
    # Tables of figures need the room.
    "secondary_sidebar_items": {"**": ["page-toc"], "benchmarks": [], "experiments": []},
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "changelog": [], "contributing": []}


def close_fences(app: Any, name: str, source: list[str]) -> None:
    """Drop the empty line that ends an example: doctest wants it, and a reader does not."""
    source[0] = re.sub(r"\n\n(?=```\n)", "\n", source[0])


def setup(app: Any) -> None:
    app.connect("source-read", close_fences)
