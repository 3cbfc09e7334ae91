"""The command ``skdal rank``."""

# Not `from __future__ import annotations`: typer reads the annotations of functions that are
# made inside another one, where a string could not be resolved.
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from skdal.cli._common import (
    count,
    errors_in_words,
    prepare,
    print_table,
    split_names,
)
from skdal.cli._inputs import DATA_HELP, estimator_help, load_for, model_for
from skdal.cli._warnings import warnings_counted

if TYPE_CHECKING:
    import typer
    from rich.table import Table

_FILES = ("scores.csv", "rankings.png", "rankings.svg")


def add_to(app: "typer.Typer") -> None:
    """Add the command to the application.

    Parameters
    ----------
    app : typer.Typer
        The application.
    """
    import typer

    from skdal.experiments.presets import SAMPLERS

    with_scores = sorted(name for name in SAMPLERS if hasattr(SAMPLERS[name], "score_samples"))

    @app.command(
        help="Do samplers want the same rows? Rank the pool by each and compare the rankings.\n\n"
        "The task model is trained on the labels of the start. Then every sampler scores the rows "
        "without a label, higher for those to label sooner, and the rankings that the scores make "
        "are compared by Spearman's correlation: 1 is the same order, 0 is independent. The "
        "defaults take seconds."
    )
    def rank(
        dataset: Annotated[
            str,
            typer.Argument(
                metavar="DATA",
                help=f"{DATA_HELP}X and y. A test part is not looked at.",
                show_default=False,
            ),
        ],
        samplers: Annotated[
            str,
            typer.Option(
                metavar="NAME,NAME",
                help="Samplers to rank by, with commas between, two at least: any of "
                f"{', '.join(with_scores)}. The others have no scores. With colons after it a "
                "name sets parameters, as in deepfool:max_iter=20.",
            ),
        ] = "uncertainty,egl,discriminative",
        estimator: Annotated[
            str,
            typer.Option(metavar="NAME", help=estimator_help()),
        ] = "mlp",
        initial: Annotated[
            int, typer.Option(min=2, help="Labels at the start, drawn at random.")
        ] = 20,
        epochs: Annotated[
            int | None,
            typer.Option(
                min=1,
                help="Passes of the training over the labels, at most. Fewer are quicker.",
                show_default=False,
            ),
        ] = None,
        rows: Annotated[
            int | None,
            typer.Option(
                min=2,
                help="Rank so many rows of the pool, drawn at random. Without it, all of them.",
                show_default=False,
            ),
        ] = None,
        repeats: Annotated[
            int, typer.Option(min=1, help="Rankings of every sampler, each from another start.")
        ] = 1,
        reference: Annotated[
            str | None,
            typer.Option(
                metavar="NAME",
                help="Draw the other samplers against this one. Without it, every pair is drawn.",
                show_default=False,
            ),
        ] = None,
        clip: Annotated[
            tuple[float, float] | None,
            typer.Option(
                metavar="LOW HIGH",
                help="Range of the features, which deepfool does not leave then; images that were "
                "bytes are in 0 1.",
                show_default=False,
            ),
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same results.")] = 0,
        output: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                file_okay=False,
                help="Folder for scores.csv, rankings.png and rankings.svg, made where it is "
                "missing. Without it nothing is written.",
                show_default=False,
            ),
        ] = None,
        force: Annotated[
            bool, typer.Option("--force", help="Replace results that are there.")
        ] = False,
    ) -> None:
        from sklearn.pipeline import Pipeline

        from skdal._scaling import CommonScaler
        from skdal.experiments import agreement, write_scores
        from skdal.experiments import rank as run
        from skdal.experiments.presets import make_sampler
        from skdal.experiments.ranking import check_scores
        from skdal.plotting import check_matplotlib

        names = list(dict.fromkeys(split_names(samplers)))
        try:
            by_name = {name: make_sampler(name) for name in names}
            check_scores(by_name)
        except (ImportError, ValueError) as error:
            raise typer.BadParameter(str(error), param_hint="--samplers") from error
        if len(names) < 2:
            raise typer.BadParameter(
                f"{names[0]} alone is no comparison; name two at least.", param_hint="--samplers"
            )
        if clip is not None:
            clipped = [name for name in names if name.split(":")[0] == "deepfool"]
            if not clipped:
                raise typer.BadParameter(
                    "It is for deepfool, which is none of --samplers.", param_hint="--clip"
                )
            for name in clipped:
                by_name[name].set_params(clip=clip)
        model = model_for(estimator, epochs)
        if clip is not None and isinstance(model, Pipeline) and isinstance(model[0], CommonScaler):
            raise typer.BadParameter(
                f"{estimator} scales the features, which are not in that range then; leave it out.",
                param_hint="--clip",
            )
        if reference is not None and reference not in names:
            raise typer.BadParameter(
                f"{reference!r} is none of --samplers {','.join(names)}.", param_hint="--reference"
            )
        data = load_for(model, dataset, needs_test=False)
        n_all = len(data.X)
        if initial + 2 > n_all:
            raise typer.BadParameter(
                f"{initial} labels leave less than two rows to rank of the {n_all} that there are; "
                f"choose {n_all - 2} at most.",
                param_hint="--initial",
            )
        if rows is not None and initial + rows > n_all:
            raise typer.BadParameter(
                f"{rows} rows to rank after --initial {initial} are more than the {n_all} rows "
                f"that there are; choose {n_all - initial} at most.",
                param_hint="--rows",
            )
        if output is not None:
            check_matplotlib()
            prepare(output, _FILES, force)

        with errors_in_words():
            with warnings_counted():
                results = run(
                    by_name,
                    model,
                    data.X,
                    data.y,
                    n_initial=initial,
                    n_rows=rows,
                    n_repeats=repeats,
                    random_state=seed,
                    verbose=1,
                )
            n_rows, name = len(results[0]["rows"]), Path(dataset).name
            ranked = f"{n_rows:,} rows of {name}, {estimator} on {initial} labels"
            if output is not None:
                # Before anything is printed: a terminal that is gone must not cost the results.
                write_scores(results, output / "scores.csv")
                which = f"Only the first of {repeats} starts is drawn. " if repeats > 1 else ""
                _draw(results, output, reference, f"{ranked}\n{which}Rank 1: to label first")
            lines = agreement(results)
        typer.echo(f"Spearman's correlation of rankings\n{ranked}")
        print_table(_table(lines, repeats))
        if output is not None:
            typer.echo(f"Wrote {', '.join(_FILES[:-1])} and {_FILES[-1]} in {output}")


def _draw(
    results: Sequence[dict[str, Any]], output: Path, reference: str | None, title: str
) -> None:
    from matplotlib.figure import Figure

    from skdal._files import written_whole
    from skdal.plotting import RankingDisplay
    from skdal.plotting.ranking import figure_size

    scores = {record["sampler"]: record["scores"] for record in results if record["repeat"] == 0}
    width, height = figure_size(len(scores), reference is not None)
    # Not by pyplot, which would look for a screen. With room for a title above.
    figure = Figure(figsize=(max(width, 5), height + 0.5), layout="constrained")
    RankingDisplay.from_scores(scores, reference=reference, ax=figure.subplots())
    figure.suptitle(title, fontsize="medium", parse_math=False)
    for suffix in ("png", "svg"):
        with written_whole(output / f"rankings.{suffix}") as temporary:
            figure.savefig(temporary, dpi=150, format=suffix)


def _table(lines: Sequence[dict[str, Any]], repeats: int) -> "Table":
    from rich.table import Table

    columns = {"spearman": "Spearman"}
    if repeats > 1:
        columns = {"spearman": "Mean", "min": "Min", "max": "Max"}
    table = Table(
        caption=f"Over {count(repeats, 'start')}." if repeats > 1 else None, caption_justify="left"
    )
    # At 80 columns no number may be cut, so that a long name is broken, at its colons first.
    for header in ("Sampler", "Other"):
        table.add_column(header, overflow="fold")
    for header in columns.values():
        table.add_column(header, justify="right", no_wrap=True)
    for line in lines:
        values = [line[key] for key in columns]
        table.add_row(
            line["sampler"].replace(":", ": "),
            line["other"].replace(":", ": "),
            *["-" if math.isnan(value) else f"{value:.2f}" for value in values],
        )
    return table
