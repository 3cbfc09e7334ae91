"""The command ``skdal query``."""

# Not `from __future__ import annotations`: typer reads the annotations of functions that are
# made inside another one, where a string could not be resolved.
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from skdal.cli._common import print_table
from skdal.cli._warnings import warnings_counted
from skdal.cli.query_ends import ends_in_a_line, ends_tidily, explained
from skdal.cli.query_output import (
    check_output,
    check_stdout,
    note,
    note_chosen,
    note_labels,
    print_text,
    write,
)
from skdal.cli.query_status import status_table

if TYPE_CHECKING:
    import typer

_DEFAULT = "discriminative"

_LOOP = (
    "The loop is: query, label, append to the label file, query again. Nothing else is kept. "
    "Without any label yet, leave the label file out, or begin it: echo row,label > labels.csv. A "
    "label file is a CSV file with the columns row (or id) and label; other columns are ignored, "
    "so that a batch with a column label is one, too. Where the pool has ids, id goes before row. "
    "A row whose label is left empty cannot be labeled: it is not asked for again. A file that "
    "ends in .json is what Label Studio exports, as JSON or JSON-MIN, of tasks that --format "
    "label-studio wrote."
)


def add_to(app: "typer.Typer") -> None:
    """Add the command to the application.

    Parameters
    ----------
    app : typer.Typer
        The application.
    """
    import typer

    from skdal._task_models import CLASSIFIERS, NAMES, REGRESSORS
    from skdal.experiments.presets import SAMPLER_NAMES, make_sampler
    from skdal.tables.batch import FORMATS

    def option(help: str, *names: str, **kwargs: Any) -> Any:
        return typer.Option(*names, help=help, show_default=False, **kwargs)

    @app.command(
        help="Choose the rows to label next, of a pool in a file.\n\n"
        "The pool may be larger than the memory: its rows are read as they are needed.\n\n"
        "skdal query embeddings.npy labels.csv -n 500 -o batch.csv",
        epilog=_LOOP,
    )
    def query(
        pool: Annotated[
            Path,
            typer.Argument(
                metavar="POOL",
                help="The rows: .npy or .npz, of numbers; .parquet, with a column of lists of "
                "numbers, or a column for each number; .csv or .tsv, with a column for each "
                "number. Nothing is ever unpickled.",
                show_default=False,
            ),
        ],
        labels: Annotated[
            list[Path] | None,
            typer.Argument(
                metavar="LABELS",
                help="Files of labels, see below. None yet: the first rows are a core-set, which "
                "covers the pool.",
                show_default=False,
            ),
        ] = None,
        n_instances: Annotated[
            int, typer.Option("--n-instances", "-n", metavar="N", min=1, help="Rows to choose.")
        ] = 100,
        output: Annotated[
            Path | None,
            option(
                "File for the rows, their ids, ranks and scores. Without it, or with -, they are "
                "printed.",
                "--output",
                "-o",
                metavar="FILE",
            ),
        ] = None,
        sampler: Annotated[
            str,
            typer.Option(
                metavar="NAME",
                help=f"How to choose: {', '.join(SAMPLER_NAMES)}. With colons after it a name sets "
                "parameters, as in discriminative:n_mini_queries=20. skdal compare --help tells "
                "what each of them does.",
            ),
        ] = _DEFAULT,
        estimator: Annotated[
            str | None,
            option(
                f"Task model, for samplers that ask one: {', '.join(CLASSIFIERS)}; or the "
                "dotted path of a class or an object, which is imported. Parameters as above, "
                "as in sklearn.neighbors.KNeighborsClassifier:n_neighbors=15. With --regression: "
                f"{', '.join(REGRESSORS)}, or a regressor's path.",
                metavar="NAME",
            ),
        ] = None,
        regression: Annotated[
            bool, typer.Option("--regression", help="Labels are numbers, not classes.")
        ] = False,
        ids: Annotated[
            Path | None,
            option("Text file of ids, one a line, in the order of the rows.", metavar="FILE"),
        ] = None,
        id_column: Annotated[
            str | None,
            option(
                "Column of the ids, in the pool, in label files and in --items; id, if there is "
                "one. Without ids a row has its number, from 0 on.",
                metavar="NAME",
            ),
        ] = None,
        columns: Annotated[
            str | None,
            option(
                "Columns of the pool to use, with commas between. Without it, the column of lists, "
                "or all columns of numbers but id, row and label.",
                metavar="NAME,NAME",
            ),
        ] = None,
        key: Annotated[
            str | None,
            option(
                "Array of an .npz file. Without it, X, x_train, or the only one of two dimensions.",
                metavar="NAME",
            ),
        ] = None,
        label_column: Annotated[
            str | None,
            option(
                "Column of the labels, or control tag of Label Studio. Without it, label, or the "
                "only tag.",
                metavar="NAME",
            ),
        ] = None,
        items: Annotated[
            Path | None,
            option(
                "CSV file with a column of ids, and others to put beside the rows chosen, such as "
                "text, or the URL of an image.",
                metavar="FILE",
            ),
        ] = None,
        form: Annotated[
            str | None,
            option(
                f"{', '.join(FORMATS)}. Without it, as --output ends.", "--format", metavar="NAME"
            ),
        ] = None,
        seed: Annotated[
            int, typer.Option(metavar="N", min=0, help="The same seed chooses the same rows.")
        ] = 0,
        force: Annotated[
            bool, typer.Option("--force", help="Replace the file of --output.")
        ] = False,
        status: Annotated[
            bool,
            typer.Option(
                "--status",
                help="Choose nothing. Tell how many rows and labels there are, and how well "
                "labeled rows stand for the pool.",
            ),
        ] = False,
    ) -> None:
        from sklearn.base import is_regressor

        from skdal._task_models import make_task_model, takes_images
        from skdal.tables import batch_records, choose_rows, open_pool, pool_status, read_labels
        from skdal.tables.checks import check_unchanged
        from skdal.tables.ids import ids_of
        from skdal.tables.items import check_items, read_items
        from skdal.tables.query import check_has_model

        paths = labels or []
        try:
            chooser = make_sampler(sampler)
        except (ImportError, ValueError) as error:
            raise typer.BadParameter(str(error), param_hint="--sampler") from error
        try:
            model = None if estimator is None else make_task_model(estimator, regression=regression)
            if not status:
                check_has_model(chooser, model)
        except ValueError as error:
            choices = ""
            if estimator is None:
                choices = (
                    f" Task models: {', '.join(NAMES)}, or a dotted path. Samplers without one: "
                    "discriminative, core-set, random."
                )
            said = " ".join(str(error).split())
            raise typer.BadParameter(f"{said}{choices}", param_hint="--estimator") from error
        target = None if output is None or str(output) == "-" else output
        if target is None or status:
            check_stdout()
        form = check_output(target, form, force, [pool, *paths, ids, items])
        names = None if columns is None else [name.strip() for name in columns.split(",")]
        # Where the pool has no columns, or its ids are elsewhere, it is that of other files alone.
        has_ids = ids is None and pool.suffix.lower() not in (".npy", ".npz")

        with ends_in_a_line(), ends_tidily(), warnings_counted():
            if items is not None:
                # Its lines are read at the end, but what is wrong with it is told before the work.
                check_items(
                    items,
                    id_column=id_column,
                    for_label_studio=form == "label-studio",
                    label_column=label_column,
                )
            with open_pool(
                pool,
                key=key,
                id_column=id_column if has_ids else None,
                ids=ids,
                columns=names,
            ) as opened:
                for text in opened.notes:
                    note(text)
                known = read_labels(
                    paths,
                    len(opened.X),
                    opened.ids,
                    id_column=id_column,
                    label_column=label_column,
                    regression=regression or (model is not None and is_regressor(model)),
                )
                note_labels(known)
                X = opened.X
                if X.ndim > 2 and (status or model is None or not takes_images(model)):
                    X = X.reshape(len(X), -1)
                with explained(opened, known):
                    if status:
                        measured = pool_status(X, known, random_state=seed)
                    else:
                        chosen = choose_rows(
                            X,
                            known,
                            chooser,
                            estimator=model,
                            n_instances=n_instances,
                            random_state=seed,
                        )
                check_unchanged(opened)
                if status:
                    table = status_table(opened, known, measured)
                else:
                    note_chosen(chosen, sampler, estimator)
                    more = None
                    if items is not None:
                        wanted = ids_of(chosen.rows, opened.ids)
                        more = read_items(items, wanted, id_column=id_column)
                    records = batch_records(chosen.rows, chosen.scores, opened.ids, more)
                    told = write(records, target, form, force=force)
        # Not before: a terminal that is gone must not cost the batch.
        if status:
            print_table(table)
        else:
            print_text(told)
