"""What the displays share: colors and marks, and matplotlib where it is installed."""

from __future__ import annotations

from typing import Any

# Okabe and Ito's colors, told apart by the color-blind, from dark to light in turns, and two of
# Paul Tol's, since comparisons have nine samplers and more. Line style and marker tell the curves
# apart in greyscale.
COLORS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00"),
    *("#882255", "#999933"),
)
LINES = ("-", "--", "-.", ":")
# One more than colors, so that those that share a color differ by marker.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def new_axes(ax: Any = None) -> Any:
    """Return the axes to draw on: those given, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes, default=None
        Where to draw. None makes a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    check_matplotlib()
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax


def check_matplotlib() -> None:
    """Raise an error that names the cure if matplotlib is not installed.

    Raises
    ------
    ImportError
        If it is not.

    Examples
    --------
    >>> from skdal.plotting import check_matplotlib
    >>> check_matplotlib()
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError("Plots need matplotlib; install it by: pip install matplotlib") from error


def styled(default: dict[str, Any], given: dict[str, Any] | None, artist: str) -> dict[str, Any]:
    """Return a style in which what was given takes precedence, by whatever name.

    Parameters
    ----------
    default : dict
        By the long names, such as ``"linewidth"``.

    given : dict or None
        Also by short ones, such as ``"lw"``.

    artist : {"line", "points", "area"}
        What is drawn.

    Examples
    --------
    >>> from skdal.plotting._style import styled
    >>> styled({"color": "blue", "linewidth": 1}, {"c": "red"}, "line")
    {'color': 'red', 'linewidth': 1}
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D

    own = normalize_kwargs(given or {}, Line2D if artist == "line" else Collection)
    # Ways to say a color. Of an area "color" would paint over the others.
    others = {"points": {"c"}, "area": {"facecolor", "edgecolor"}}.get(artist, set())
    return {k: v for k, v in default.items() if k != "color" or not others & set(own)} | own


def break_name(name: str) -> str:
    """Break the name of a sampler that carries parameters into lines.

    Parameters
    ----------
    name : str
        Such as ``"typiclust:max_candidates=5000"``.

    Examples
    --------
    >>> from skdal.plotting._style import break_name
    >>> print(break_name("typiclust:max_candidates=5000"))
    typiclust:
    max_candidates=5000
    """
    return name.replace(":", ":\n")
