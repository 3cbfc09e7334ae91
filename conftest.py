"""What pytest collects depends on what is installed."""

from __future__ import annotations

from importlib.util import find_spec

# Their examples need scikit-activeml, which is no dependency.
collect_ignore = [] if find_spec("skactiveml") else ["skdal/interop", "docs/interop.md"]
