"""The command ``skdal compare``."""

# Not `from __future__ import annotations`: typer reads the annotations of functions that are
# made inside another one, where a string could not be resolved.
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from skdal.cli._common import CANCELLED, count, prepare

if TYPE_CHECKING:
    import typer
    from rich.table import Table

_FIGURES = ("learning-curve.png", "learning-curve.svg")
_FILES = ("results.csv", "settings.json", *_FIGURES)

_SAMPLERS = (
    "The samplers choose: random, anything; uncertainty, what the model is least sure of, by "
    "entropy, uncertainty-ratio by the variation ratio; mc-dropout and mc-dropout-ratio, the same "
    "under dropout (DBAL), for networks; deepfool, what is nearest to a decision boundary (DFAL); "
    "egl, what would change the model most; core-set, what covers the pool, greedily, "
    "core-set-mip by an integer program; discriminative, what looks unlabeled in the model's "
    "representation (DAL), discriminative-raw in the features; combined, half by uncertainty and "
    "half by discriminative."
)


def add_to(app: "typer.Typer") -> None:
    """Add the command to the application.

    Parameters
    ----------
    app : typer.Typer
        The application.
    """
    import typer
    from rich.console import Console

    from skdal.experiments.presets import DEFAULT, ESTIMATOR_NAMES, PRESETS, SAMPLERS

    def option(help: str, *names: str, default: object = None, **kwargs: Any) -> Any:
        """Return an option whose default a preset may replace."""
        note = "" if default is None else f" \\[default: {default}, or the preset's]"
        return typer.Option(*names, help=help + note, show_default=False, **kwargs)

    @app.command(
        help="Compare samplers: which one makes more of the same number of labels?\n\n"
        "Every sampler starts from the same labels and buys more in batches. After every batch "
        "the task model is trained and scored on test rows. The defaults take two to three "
        "minutes on two cores.\n\n"
        "With --output every finished step is on disk before the next begins: stop it whenever "
        "you like, and go on by the same command with --resume.",
        epilog=_SAMPLERS,
    )
    def compare(
        dataset: Annotated[
            str | None,
            typer.Argument(
                metavar="DATA",
                help="The data: digits, which needs no download; mnist or cifar10, which are "
                "downloaded once; or the path of an .npz file that holds X, y, X_test and y_test. "
                "A preset has data of its own.",
                show_default=False,
            ),
        ] = None,
        preset: Annotated[
            str | None,
            option(
                "Settings of a figure of the paper, data and task model included: "
                f"{', '.join(PRESETS)}. Other options take precedence. The networks want a GPU.",
                metavar="NAME",
            ),
        ] = None,
        samplers: Annotated[
            str | None,
            option(
                "Samplers to compare, with commas between: any of "
                f"{', '.join(sorted(SAMPLERS))}. The others are measured against random.",
                metavar="NAME,NAME",
                default=",".join(DEFAULT.samplers),
            ),
        ] = None,
        estimator: Annotated[
            str | None,
            option(
                f"Task model: {', '.join(ESTIMATOR_NAMES)}. The last two are networks for images; "
                "samplers can work in the representation of all but logistic.",
                metavar="NAME",
                default=DEFAULT.estimator,
            ),
        ] = None,
        initial: Annotated[
            int | None,
            option(
                "Labels at the start, drawn at random.",
                metavar="N",
                min=1,
                default=DEFAULT.n_initial,
            ),
        ] = None,
        batch_size: Annotated[
            int | None,
            option("Labels bought by a query.", metavar="N", min=1, default=DEFAULT.n_instances),
        ] = None,
        queries: Annotated[
            int | None,
            option("Queries of a run.", metavar="N", min=1, default=DEFAULT.n_queries),
        ] = None,
        repeats: Annotated[
            int | None,
            option(
                "Runs of every sampler, each from another start.",
                metavar="N",
                min=1,
                default=DEFAULT.n_repeats,
            ),
        ] = None,
        epochs: Annotated[
            int | None,
            option(
                "Passes of a training over the labels, at most. Fewer are quicker.",
                metavar="N",
                min=1,
            ),
        ] = None,
        divergence: Annotated[
            bool,
            typer.Option(
                "--divergence",
                help="Measure after every training how well labeled rows can be told from others.",
            ),
        ] = False,
        seed: Annotated[
            int, typer.Option(metavar="N", min=0, help="The same seed gives the same results.")
        ] = 0,
        jobs: Annotated[
            int,
            typer.Option(
                metavar="N",
                help="Runs to play at the same time, in processes that share the cores; -1 is one "
                "for every core.",
            ),
        ] = 1,
        output: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                file_okay=False,
                help=f"Folder for {', '.join(_FILES)} and the runs, made where it is missing. "
                "Without it nothing is written.",
                show_default=False,
            ),
        ] = None,
        resume: Annotated[
            bool,
            typer.Option(
                "--resume",
                help="Go on with what --output holds. There may be more samplers and repeats.",
            ),
        ] = False,
        force: Annotated[
            bool, typer.Option("--force", help="Replace results that are there.")
        ] = False,
        dry_run: Annotated[
            bool,
            typer.Option(
                "--dry-run",
                help="Only tell how many trainings there are and about how long they take.",
            ),
        ] = False,
    ) -> None:
        from skdal.datasets import load
        from skdal.experiments import compare as run
        from skdal.experiments import read_results, summarize
        from skdal.experiments.folder import SETTINGS, FolderError, clear_folder, count_done
        from skdal.experiments.presets import make_estimator, rows_for
        from skdal.plotting import check_matplotlib

        if jobs == 0:
            raise typer.BadParameter("0 runs at a time are none.", param_hint="--jobs")
        if preset is not None and preset not in PRESETS:
            raise typer.BadParameter(
                f"{preset!r} is no preset; choose among {', '.join(PRESETS)}.",
                param_hint="--preset",
            )
        chosen = DEFAULT if preset is None else PRESETS[preset]
        if dataset is None and preset is None:
            raise typer.BadParameter(
                "There is none; name data, as in: skdal compare digits", param_hint="DATA"
            )
        names = [name.strip() for name in samplers.split(",")] if samplers else chosen.samplers
        try:
            by_name = {name: chosen.make_sampler(name) for name in names}
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--samplers") from error
        model_name = estimator or chosen.estimator
        try:
            model = make_estimator(model_name)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--estimator") from error
        try:
            model = make_estimator(model_name, max_epochs=epochs)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--epochs") from error
        if resume and output is None:
            raise typer.BadParameter("It needs --output.", param_hint="--resume")
        if resume and force:
            raise typer.BadParameter("It cannot go with --resume.", param_hint="--force")
        source = dataset or chosen.data
        try:
            data = load(source)
        except (OSError, ValueError) as error:
            raise typer.BadParameter(str(error), param_hint="DATA") from error
        data.X, data.X_test = rows_for(model_name, data.X), rows_for(model_name, data.X_test)
        sizes = {
            "n_initial": initial or chosen.n_initial,
            "n_instances": batch_size or chosen.n_instances,
            "n_queries": queries or chosen.n_queries,
        }
        _check_sizes(**sizes, n_rows=len(data.X))
        n_repeats = repeats or chosen.n_repeats
        if dry_run:
            n_done = count_done(output, list(by_name), n_repeats) if resume and output else 0
            for line in _forecast(model, data, sizes, len(by_name) * n_repeats, n_done, jobs):
                typer.echo(line)
            return
        if output is not None:
            check_matplotlib()
            if (output / SETTINGS).is_file() and not (force or resume):
                raise typer.BadParameter(
                    f"{output} holds a comparison; go on with it by --resume, replace it by "
                    "--force, or choose another folder.",
                    param_hint="--output",
                )
            prepare(output, _FILES, force=force or resume)
            if force:
                clear_folder(output)

        try:
            results = run(
                by_name,
                model,
                **data,
                **sizes,
                n_repeats=n_repeats,
                divergence=divergence,
                n_jobs=jobs,
                directory=output,
                resume=resume,
                random_state=seed,
                verbose=1,
            )
        except FolderError as error:
            raise typer.BadParameter(str(error), param_hint="--output") from error
        except ValueError as error:
            # Such as a sampler that asks more of the task model than it has.
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            if output is not None:
                typer.echo(
                    f"\nStopped. What is done is in {output}; go on by the same command with "
                    "--resume.",
                    err=True,
                )
            raise typer.Exit(CANCELLED) from None
        if output is not None:
            # Those of earlier calls too.
            results = read_results(output)
            # Before anything is printed: a terminal that is gone must not cost the figures.
            _draw(results, output, f"{Path(source).name}, {model_name}")
        span = f"{sizes['n_initial']} to {_budget(**sizes)} labels"
        Console().print(_table(summarize(results), span))
        if output is not None:
            typer.echo(f"Wrote {', '.join(_FILES[:-1])} and {_FILES[-1]} in {output}")


def _budget(n_initial: int, n_instances: int, n_queries: int) -> int:
    return n_initial + n_instances * n_queries


def _check_sizes(n_initial: int, n_instances: int, n_queries: int, n_rows: int) -> None:
    import typer

    if n_initial + n_instances > n_rows:
        raise typer.BadParameter(
            f"{n_initial} labels at the start and a query of --batch-size {n_instances} are more "
            f"than the {n_rows} rows that there are.",
            param_hint="--initial",
        )
    if _budget(n_initial, n_instances, n_queries) > n_rows:
        raise typer.BadParameter(
            f"{n_queries} queries of --batch-size {n_instances} after --initial {n_initial} are "
            f"more labels than the {n_rows} rows that there are; at most "
            f"{(n_rows - n_initial) // n_instances} can be asked.",
            param_hint="--queries",
        )


def _forecast(
    model: Any,
    data: Any,
    sizes: dict[str, int],
    n_runs: int,
    n_done: int,
    jobs: int,
) -> list[str]:
    """Return lines that tell what there is to do."""
    from joblib import effective_n_jobs

    from skdal.experiments.estimate import training_seconds

    n_trainings = n_runs * (sizes["n_queries"] + 1)
    lines = [f"{count(n_trainings, 'training')} of the task model in {count(n_runs, 'run')}."]
    if n_done:
        n_trainings -= n_done
        lines.append(f"{n_done} of them are done.")
    half_way = (sizes["n_initial"] + _budget(**sizes)) // 2
    seconds = training_seconds(model, data.X, data.y, n_labels=half_way)
    n_parallel = min(effective_n_jobs(jobs), n_runs)
    lines.append(
        f"One on {half_way:,} labels, half way, takes {_duration(seconds)}: about "
        f"{_duration(n_trainings * seconds / n_parallel)} with {count(n_parallel, 'job')}, if "
        "there is a core for each. Queries come on top."
    )
    return lines


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"


def _draw(results: Sequence[dict[str, Any]], output: Path, title: str) -> None:
    from matplotlib.figure import Figure

    from skdal._files import written_whole
    from skdal.plotting import LearningCurveDisplay

    # Not by pyplot, which would look for a screen.
    axes = Figure(figsize=(7, 4.5), layout="constrained").subplots()
    display = LearningCurveDisplay.from_results(results, ax=axes, score_name="Test accuracy")
    axes.set_title(title, parse_math=False)
    for name in _FIGURES:
        with written_whole(output / name) as temporary:
            display.figure_.savefig(temporary, dpi=150, format=name.rsplit(".", 1)[1])


def _table(lines: Sequence[dict[str, Any]], span: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    least, repeats = (choose(line["n_repeats"] for line in lines) for choose in (min, max))
    runs = ("mean of " if repeats > 1 else "") + (f"{least} to " if least < repeats else "")
    table = Table(
        title=f"Test accuracy, {span}, {runs}{count(repeats, 'run')}",
        caption="Area: mean accuracy over the whole span. [ ]: 95 % interval of the difference."
        + " ±: standard deviation." * (repeats > 1),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        show_edge=False,
    )
    table.add_column("Sampler", no_wrap=True)
    # At 80 columns no number may be cut.
    for header in ("Area", "Difference to random", "Final score", "s per\nquery"):
        table.add_column(header, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(
            line["sampler"],
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
