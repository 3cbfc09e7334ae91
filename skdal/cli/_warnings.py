"""Warnings of a command: each is said once, in a line, and in the end how often it came."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

from tqdm import tqdm

_LONGEST = 300
_SHORT = 60


@contextmanager
def warnings_counted() -> Iterator[None]:
    """Print every warning once, without the place in the code that it comes from.

    Those that differ in numbers alone are the same. Filters of ``python -W`` and of tests have
    precedence.
    """
    counts: Counter[str] = Counter()
    said: dict[str, str] = {}

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        text = shorten(str(message), _LONGEST, placeholder=" ...")
        kind = re.sub(r"\d+(\.\d+)?", "#", f"{category.__name__} {text}")
        counts[kind] += 1
        if counts[kind] == 1:
            said[kind] = text
            # Not into the middle of a progress bar.
            tqdm.write(f"Warning: {text}", file=sys.stderr)

    try:
        with warnings.catch_warnings():
            # Of all that no other filter knows; otherwise some are shown once, and some always.
            warnings.simplefilter("always", append=True)
            warnings.showwarning = show
            yield
    finally:
        for kind, number in counts.items():
            if number > 1:
                text = shorten(said[kind], _SHORT, placeholder=" ...")
                tqdm.write(f"Warned {number} times: {text}", file=sys.stderr)
