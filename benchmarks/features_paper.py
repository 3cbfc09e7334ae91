"""What the code released with the paper can do; see features.py.

It is no package, but scripts for TensorFlow 1, Keras 2 and cleverhans 2, which install on no Python
that skdal runs on: that much is tried. The other answers were read in its source, as of commit
SOURCE, and are marked as read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from features import KEYS, no, partly, yes

SOURCE = "github.com/dsgissin/DiscriminativeActiveLearning, September 2019"
READ = {
    "batch": partly("a query of the whole pool fails, a combined one may lose a row"),
    "kept": partly("each round's labeled rows and accuracies are pickled"),
    "loop": partly("a script for three image sets"),
    "uncertainty": yes(),
    "dal": yes("of pixels, an autoencoder's code or a network's last layer"),
    "mini_queries": yes(),
    "core_set": yes(),
    "robust_core_set": no("needs Gurobi, and takes a time-out for infeasible"),
    "mc_dropout": yes("BatchNorm is in training mode, too"),
    "egl": partly("one gradient for a hundred rows"),
    "deepfool": partly("endless if too few images flip"),
    "command_line": partly("for the experiments of the paper"),
}


def installs() -> str:
    """Try to get TensorFlow 1; return what pip says, or nothing where it was found."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", os.devnull]
    done = subprocess.run([*command, "tensorflow<2"], capture_output=True, text=True)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: No matching")]
    return errors[-1].removeprefix("ERROR: ") if errors else ""


def main() -> None:
    error = installs()
    assert error, "TensorFlow 1 was found: try the paper's code"
    answers = {key: READ.get(key, no()) for key in KEYS}
    answers["newest"] = no(error)
    folder = Path(os.environ.get("SKDAL_RESULTS", "."))
    (folder / "features-paper.json").write_text(
        json.dumps({key: answer._asdict() for key, answer in answers.items()}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
