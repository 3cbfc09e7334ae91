"""The command line: it parses, calls the library, prints."""

# Not `from __future__ import annotations`: typer reads the annotations of functions that are
# made inside another one, where a string could not be resolved.
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, Literal

import skdal

if TYPE_CHECKING:
    import typer
    from rich.table import Table

_CANCELLED = 130


def main() -> None:
    """Run the command ``skdal``.

    Raises
    ------
    SystemExit
        Always. 0 for success, 1 for an error, 2 for a wrong call, 130 for Ctrl-C.

    Examples
    --------
    >>> import sys
    >>> from unittest.mock import patch
    >>> from skdal.cli import main
    >>> with patch.object(sys, "argv", ["skdal", "--version"]):
    ...     try:
    ...         main()
    ...     except SystemExit as error:
    ...         print("exit", error.code)
    skdal 0...
    exit 0
    """
    try:
        make_app()(prog_name="skdal")
    except KeyboardInterrupt:
        # typer sees to it once it runs, but the imports before take a second.
        sys.exit(_CANCELLED)
    except ModuleNotFoundError as error:
        missing = str(error.name).split(".")[0]
        if missing not in ("rich", "typer"):
            raise
        sys.exit(
            f"The command line needs {missing}, which is not installed. Install it by: "
            'pip install ".[cli]" in a clone of skdal'
        )


def make_app() -> "typer.Typer":
    """Return the command line as an application of typer.

    Returns
    -------
    typer.Typer
        Call it to run it.

    Raises
    ------
    ModuleNotFoundError
        If typer or rich is not installed.

    Examples
    --------
    >>> from skdal.cli import make_app
    >>> make_app().info.name
    'skdal'
    """
    import typer
    from rich.console import Console

    from skdal.experiments.presets import SAMPLERS

    app = typer.Typer(name="skdal", no_args_is_help=True, add_completion=False)

    def show_version(wanted: bool) -> None:
        if wanted:
            typer.echo(f"skdal {skdal.__version__}")
            raise typer.Exit()

    @app.callback()
    def skdal_(
        version: Annotated[
            bool,
            typer.Option(
                "--version", callback=show_version, is_eager=True, help="Print the version."
            ),
        ] = False,
    ) -> None:
        """Active learning: which rows to label next."""

    @app.command(
        help="Compare samplers: which one makes more of the same number of labels?\n\n"
        "Every sampler starts from the same labels and buys more in batches until the budget is "
        "used. After every batch the task model is trained and scored on test rows. The defaults "
        "take two to three minutes on two cores."
    )
    def compare(
        dataset: Annotated[
            Literal["digits"],
            typer.Argument(
                help="The data: digits, 1,198 handwritten digits to choose from and 599 to test "
                "on. It needs no download.",
                show_default=False,
            ),
        ],
        samplers: Annotated[
            str,
            typer.Option(
                metavar="NAME,NAME",
                help="Samplers to compare, with commas between: any of "
                f"{', '.join(sorted(SAMPLERS))}. The others are measured against random.",
            ),
        ] = "random,discriminative",
        estimator: Annotated[
            Literal["logistic", "mlp"],
            typer.Option(
                help="Task model: logistic regression, or a network with a hidden layer of 64 "
                "units, in whose representation samplers can work."
            ),
        ] = "mlp",
        initial: Annotated[
            int, typer.Option(min=1, help="Labels at the start, drawn at random.")
        ] = 20,
        batch_size: Annotated[int, typer.Option(min=1, help="Labels bought by a query.")] = 30,
        budget: Annotated[
            int, typer.Option(min=2, help="Labels used in all, those of the start included.")
        ] = 200,
        repeats: Annotated[
            int, typer.Option(min=1, help="Runs of every sampler, each from another start.")
        ] = 5,
        seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same results.")] = 0,
        output: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                file_okay=False,
                help="Folder for results.csv and learning-curve.png, made where it is missing. "
                "Without it nothing is written.",
                show_default=False,
            ),
        ] = None,
        force: Annotated[
            bool, typer.Option("--force", help="Replace results that are there.")
        ] = False,
    ) -> None:
        from skdal._files import written_whole
        from skdal.datasets import load
        from skdal.experiments import compare as run
        from skdal.experiments import summarize, write_csv
        from skdal.experiments.presets import ESTIMATORS, make_sampler
        from skdal.plotting import LearningCurveDisplay, check_matplotlib

        names = list(dict.fromkeys(name.strip() for name in samplers.split(",")))
        try:
            by_name = {name: make_sampler(name) for name in names}
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--samplers") from error
        data = load(dataset)
        _check_budget(budget, initial, batch_size, len(data.X))
        if output is not None:
            check_matplotlib()
            _prepare(output, force)

        results = run(
            by_name,
            ESTIMATORS[estimator],
            **data,
            n_initial=initial,
            n_instances=batch_size,
            n_queries=(budget - initial) // batch_size,
            n_repeats=repeats,
            random_state=seed,
            verbose=1,
        )
        if output is not None:
            from matplotlib.figure import Figure

            # Before anything is printed: a terminal that is gone must not cost the results.
            write_csv(results, output / "results.csv")
            # Not by pyplot, which would look for a screen.
            axes = Figure(figsize=(7, 4.5), layout="constrained").subplots()
            display = LearningCurveDisplay.from_results(
                results, ax=axes, score_name="Test accuracy"
            )
            axes.set_title(f"{dataset}, {estimator}")
            with written_whole(output / "learning-curve.png") as temporary:
                display.figure_.savefig(temporary, dpi=150, format="png")
        Console().print(_table(summarize(results), f"{initial} to {budget} labels", repeats))
        if output is not None:
            typer.echo(f"Wrote results.csv and learning-curve.png in {output}")

    return app


def _check_budget(budget: int, initial: int, batch_size: int, n_rows: int) -> None:
    import typer

    if not initial < budget <= n_rows:
        raise typer.BadParameter(
            f"{budget} must be more than --initial {initial}, and at most the {n_rows} rows that "
            "there are to choose from.",
            param_hint="--budget",
        )
    rest = (budget - initial) % batch_size
    if rest:
        nearest = [n for n in (budget - rest, budget - rest + batch_size) if initial < n <= n_rows]
        raise typer.BadParameter(
            f"{budget} cannot be reached from --initial {initial} in batches of --batch-size "
            f"{batch_size}; the nearest that can: {' or '.join(map(str, nearest)) or 'none'}.",
            param_hint="--budget",
        )


def _prepare(output: Path, force: bool) -> None:
    """Make the folder, and find out before the work whether its files may be written."""
    import typer

    for path in (output / "results.csv", output / "learning-curve.png"):
        if path.is_dir():
            raise typer.BadParameter(
                f"{path} is a folder; choose another place.", param_hint="--output"
            )
        if path.exists() and not force:
            raise typer.BadParameter(
                f"{path} exists; choose another folder, or replace it by --force.",
                param_hint="--output",
            )
    try:
        output.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise typer.BadParameter(
            f"{output} cannot be made or written to: {error.strerror}.", param_hint="--output"
        ) from error


def _table(lines: Sequence[dict[str, Any]], span: str, repeats: int) -> "Table":
    from rich.table import Table

    table = Table(
        title=f"Test accuracy, {span}, {'mean of ' * (repeats > 1)}{_count(repeats, 'run')}",
        caption="Area: mean accuracy over the whole span. [ ]: 95 % interval of the difference.",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Sampler", no_wrap=True)
    # Headers may break at 80 columns, numbers may not.
    for header in ("Area", "Difference to random", "Final score", "s per query"):
        table.add_column(header, justify="right", min_width=5, no_wrap="Difference" in header)
    for line in lines:
        table.add_row(
            line["sampler"],
            f"{line['area']:.3f}",
            _difference(line),
            f"{line['final_score']:.3f}",
            f"{line['query_seconds']:.3f}",
        )
    return table


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _difference(line: dict[str, Any]) -> str:
    if math.isnan(line["difference"]):
        return "-"
    if math.isnan(line["low"]):
        return f"{line['difference']:+.3f}"
    # Escaped, since rich takes brackets for markup.
    return f"{line['difference']:+.3f} \\[{line['low']:+.3f}, {line['high']:+.3f}]"


if __name__ == "__main__":
    main()
