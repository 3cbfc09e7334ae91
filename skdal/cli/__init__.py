"""The command line: it parses, calls the library, prints."""

# Not `from __future__ import annotations`: typer reads the annotations of functions that are
# made inside another one, where a string could not be resolved.
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated

import skdal
from skdal.cli._common import CANCELLED

if TYPE_CHECKING:
    import typer

__all__ = ["main", "make_app"]


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
    if isinstance(sys.stdout, TextIOWrapper):
        # A character that the terminal does not have must not cost the table.
        sys.stdout.reconfigure(errors="replace")
    try:
        make_app()(prog_name="skdal")
    except KeyboardInterrupt:
        # typer sees to it once it runs, but the imports before take a second.
        sys.exit(CANCELLED)
    except OSError as error:
        # Such as a full disk behind standard output. Python would try once more at the end.
        sys.stdout = None
        sys.exit(f"Error: {error}")
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

    from skdal.cli import compare, query, rank

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

    query.add_to(app)
    compare.add_to(app)
    rank.add_to(app)
    return app
