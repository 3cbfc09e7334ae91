"""What ``skdal compare`` tells: sizes that are too large, a figure and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skdal.cli._common import count

if TYPE_CHECKING:
    from rich.table import Table

FIGURES = ("learning-curve.png", "learning-curve.svg")


def budget(n_initial: int, n_instances: int, n_queries: int) -> int:
    """Return the labels that a run uses in all."""
    return n_initial + n_instances * n_queries


def check_sizes(n_initial: int, n_instances: int, n_queries: int, n_rows: int) -> None:
    """Refuse sizes that ask for more labels than there are rows.

    Parameters
    ----------
    n_initial, n_instances, n_queries : int
        See :func:`~skdal.experiments.compare`.

    n_rows : int
        Rows to choose from.

    Raises
    ------
    typer.BadParameter
        With the option to change, and its largest value.
    """
    import typer

    if n_initial >= n_rows:
        raise typer.BadParameter(
            f"{n_initial} labels at the start leave nothing to query of the {n_rows} rows that "
            f"there are; choose {n_rows - 1} at most.",
            param_hint="--initial",
        )
    if n_initial + n_instances > n_rows:
        raise typer.BadParameter(
            f"A query of {n_instances} after --initial {n_initial} is more than the {n_rows} rows "
            f"that there are; choose {n_rows - n_initial} at most.",
            param_hint="--batch-size",
        )
    if budget(n_initial, n_instances, n_queries) > n_rows:
        raise typer.BadParameter(
            f"{n_queries} queries of --batch-size {n_instances} after --initial {n_initial} are "
            f"more labels than the {n_rows} rows that there are; at most "
            f"{(n_rows - n_initial) // n_instances} can be asked.",
            param_hint="--queries",
        )


def draw(results: Sequence[dict[str, Any]], output: Path, title: str) -> None:
    """Write the learning curves to the files ``FIGURES``.

    Parameters
    ----------
    results : sequence of dict
        Of :func:`~skdal.experiments.compare`.

    output : pathlib.Path
        The folder.

    title : str
        Of the figure.
    """
    from matplotlib.figure import Figure

    from skdal._files import written_whole
    from skdal.plotting import LearningCurveDisplay
    from skdal.plotting.learning_curve import MOST_BANDS

    # Not by pyplot, which would look for a screen.
    many = len({record["sampler"] for record in results}) > MOST_BANDS
    # With room for a legend beside the axes.
    axes = Figure(figsize=(9.5, 5) if many else (7, 4.5), layout="constrained").subplots()
    display = LearningCurveDisplay.from_results(results, ax=axes, score_name="Test accuracy")
    axes.set_title(title, parse_math=False)
    for name in FIGURES:
        with written_whole(output / name) as temporary:
            display.figure_.savefig(temporary, dpi=150, format=name.rsplit(".", 1)[1])


# What the numbers leave of 80 columns.
_NAME_WIDTH = 18


def table(lines: Sequence[dict[str, Any]]) -> Table:
    """Return the summary as a table that fits 80 columns.

    Parameters
    ----------
    lines : sequence of dict
        Of :func:`~skdal.experiments.summarize`.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    least, repeats = (choose(line["n_repeats"] for line in lines) for choose in (min, max))
    runs = ("mean of " if repeats > 1 else "") + (f"{least} to " if least < repeats else "")
    begin = min(line["n_labels_from"] for line in lines)
    end = max(line["n_labels_to"] for line in lines)
    late = [
        f"That of {line['sampler'].replace(':', ': ')} begins at {line['n_labels_from']} labels, "
        "where all its runs have a score."
        for line in lines
        if line["n_labels_from"] > begin
    ]
    known = [
        "Area: mean accuracy over the whole span.",
        *late,
        "[ ]: 95 % interval of the difference.",
        *["±: standard deviation."] * (repeats > 1),
    ]
    table = Table(
        title=f"Test accuracy, {begin} to {end} labels, {runs}{count(repeats, 'run')}",
        caption=" ".join(known),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        show_edge=False,
    )
    # At 80 columns no number may be cut, so that a long name is broken, at its colons first.
    longest = max(len(part) for line in lines for part in line["sampler"].split(":"))
    table.add_column("Sampler", overflow="fold", min_width=min(longest, _NAME_WIDTH))
    for header in ("Area", "Difference to random", "Final score", "s per\nquery"):
        table.add_column(header, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(
            line["sampler"].replace(":", ": "),
            f"{line['area']:.3f}",
            _difference(line),
            f"{line['final_score']:.3f}"
            + ("" if math.isnan(line["final_score_sd"]) else f" ± {line['final_score_sd']:.3f}"),
            _seconds(line["query_seconds"]),
        )
    return table


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 10 else f"{seconds:.0f}"


def _difference(line: dict[str, Any]) -> str:
    if math.isnan(line["difference"]):
        return "-"
    if math.isnan(line["low"]):
        return f"{line['difference']:+.3f}"
    # Escaped, since rich takes brackets for markup.
    return f"{line['difference']:+.3f} \\[{line['low']:+.3f}, {line['high']:+.3f}]"
