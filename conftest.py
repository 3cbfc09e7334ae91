"""What pytest collects depends on what is installed."""

from __future__ import annotations

from importlib.util import find_spec

# Their examples need scikit-activeml, which is no dependency.
collect_ignore = [] if find_spec("skactiveml") else ["skdal/interop", "docs/interop.md"]

# Sphinx reads or writes these, and its extensions need what is no dependency of the tests.
collect_ignore_glob = ["docs/*.py", "docs/_ext/*", "docs/auto_examples/*", "docs/generated/*"]
