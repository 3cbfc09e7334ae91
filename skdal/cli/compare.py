"""The command ``skdal compare``."""

# Not `from __future__ import annotations`: typer reads the annotations of functions that are
# made inside another one, where a string could not be resolved.
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from skdal.cli._common import (
    CANCELLED,
    errors_in_words,
    fraction_or_rows,
    prepare,
    print_table,
    split_names,
)
from skdal.cli._inputs import DATA_HELP, estimator_help, load_for, model_for
from skdal.cli._warnings import warnings_counted
from skdal.cli.compare_forecast import forecast
from skdal.cli.compare_output import FIGURES, check_sizes, draw, table
from skdal.cli.compare_replace import Replaced
from skdal.cli.compare_resume import in_options

if TYPE_CHECKING:
    import typer

_FILES = ("results.csv", "settings.json", *FIGURES)

_SAMPLERS = (
    "The samplers choose: random, anything; uncertainty, what the model is least sure of, by "
    "entropy, uncertainty-ratio by the variation ratio; mc-dropout and mc-dropout-ratio, the same "
    "under dropout (DBAL), for networks; deepfool, what is nearest to a decision boundary (DFAL); "
    "egl, what would change the model most; core-set, what covers the pool, greedily, "
    "core-set-mip by an integer program; discriminative, what looks unlabeled in the model's "
    "representation (DAL), discriminative-logistic the same by a much faster discriminator, "
    "discriminative-raw in the features; combined, half by uncertainty and "
    "half by discriminative; badge and typiclust, strategies of scikit-activeml, which has to be "
    "installed."
)


def add_to(app: "typer.Typer") -> None:
    """Add the command to the application.

    Parameters
    ----------
    app : typer.Typer
        The application.
    """
    import typer

    from skdal.experiments.presets import DEFAULT, PRESETS, SAMPLER_NAMES

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
                help=f"{DATA_HELP}X, y, X_test and y_test, or X and y alone, with --test-size. A "
                "preset has data of its own.",
                show_default=False,
            ),
        ] = None,
        test_size: Annotated[
            float | None,
            typer.Option(
                parser=fraction_or_rows,
                metavar="FRACTION_OR_ROWS",
                help="Hold out so much of a file of X and y alone to test on, in proportion to "
                "the classes. It is the same part whatever --seed is.",
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
                f"{', '.join(SAMPLER_NAMES)}. With colons after it a name sets "
                "parameters, as in discriminative:n_mini_queries=5. The others are measured "
                "against random.",
                metavar="NAME,NAME",
                default=",".join(DEFAULT.samplers),
            ),
        ] = None,
        estimator: Annotated[
            str | None,
            option(estimator_help(), metavar="NAME", default=DEFAULT.estimator),
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
            bool,
            typer.Option(
                "--force",
                help="Replace results that are there. They go once a sampler of the new "
                "comparison has made a query.",
            ),
        ] = False,
        dry_run: Annotated[
            bool,
            typer.Option(
                "--dry-run",
                help="Only tell about how long the trainings and the queries take. One training "
                "and one query of each sampler are timed in part and scaled up, which itself takes "
                "up to a minute on a slow CPU, and longer with vgg16.",
            ),
        ] = False,
    ) -> None:
        from skdal._task_models import own_modules, takes_images
        from skdal.experiments import compare as run
        from skdal.experiments import read_results, summarize
        from skdal.experiments.folder import SETTINGS, check_folder, count_steps
        from skdal.experiments.same import FolderError
        from skdal.experiments.settings import experiment_of
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
        model_name = estimator or chosen.estimator
        model = model_for(model_name, epochs)
        names = split_names(samplers) if samplers is not None else chosen.samplers
        try:
            by_name = {
                name: chosen.make_sampler(name, images=takes_images(model)) for name in names
            }
        except (ImportError, ValueError) as error:
            raise typer.BadParameter(str(error), param_hint="--samplers") from error
        if resume and output is None:
            raise typer.BadParameter("It needs --output.", param_hint="--resume")
        if resume and force:
            raise typer.BadParameter("It cannot go with --resume.", param_hint="--force")
        source = dataset or chosen.data
        data = load_for(model, source, test_size=test_size)
        sizes = {
            "n_initial": initial or chosen.n_initial,
            "n_instances": batch_size or chosen.n_instances,
            "n_queries": queries or chosen.n_queries,
        }
        check_sizes(**sizes, n_rows=len(data.X))
        n_repeats = repeats or chosen.n_repeats
        if dry_run:
            with errors_in_words():
                n_done = {name: [0] * n_repeats for name in by_name}
                if resume and output is not None:
                    asked = experiment_of(
                        model, data, sizes, divergence=divergence, random_state=seed
                    )
                    try:
                        check_folder(output, asked, by_name)
                    except FolderError as error:
                        raise typer.BadParameter(
                            in_options(error, output), param_hint="--output"
                        ) from error
                    n_done = count_steps(output, list(by_name), n_repeats)
                told = forecast(by_name, model, data, sizes, n_done, jobs)
            for line in told:
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

        replaced = Replaced(output, _FILES, force=force)

        def rescue() -> str:
            if output is None:
                return ""
            if replaced.restored:
                return f"Nothing was replaced in {output}."
            # Where it was --force, it would begin anew.
            same = "the same command with --resume" + " in place of --force" * force
            return f"What is done is in {output}; once that is mended, go on by {same}."

        with errors_in_words(rescue):
            try:
                with replaced, warnings_counted(), own_modules():
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
                assert output is not None  # else there is no folder
                raise typer.BadParameter(
                    in_options(error, output), param_hint="--output"
                ) from error
            except KeyboardInterrupt:
                typer.echo(f"\nStopped. {rescue().replace('once that is mended, ', '')}", err=True)
                raise typer.Exit(CANCELLED) from None
            if output is not None:
                # Those of earlier calls too.
                results = read_results(output)
                # Before anything is printed: a terminal that is gone must not cost the figures.
                draw(results, output, f"{Path(source).name}, {model_name}")
            lines = summarize(results)
        print_table(table(lines))
        if output is not None:
            typer.echo(f"Wrote {', '.join(_FILES[:-1])} and {_FILES[-1]} in {output}")
