"""What the settings of DAL are worth: mini-queries, stop, Psi, warm start.

LeNet on MNIST from 100 random labels, in batches of 100. Every variant changes one setting of
the reference, which is the paper's: 20 mini-queries, where DiscriminativeSampler by itself makes
10. All start from the same rows. Every finished step is on disk, and the autoencoder beside it; a
run that was broken off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from _common import RESULTS, load_images, print_table
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skdal import DiscriminativeSampler, MLPDiscriminator, RandomSampler
from skdal.experiments import compare, read_results, summarize
from skdal.neural import ConvAutoencoder, LeNetClassifier, load_model, save_model

REFERENCE = "20 mini-queries, 98 %, LeNet's representation, warm start"


def trained_autoencoder(X: np.ndarray, epochs: int, path: Path) -> ConvAutoencoder:
    """Return the autoencoder that a file holds; train it and write the file where it does not."""
    if not path.exists() or load_model(path).max_epochs != epochs:
        # As in the paper, once, and on all images, since it needs no labels.
        n_rows = min(len(X), 20_000)
        some = X[np.random.RandomState(0).choice(len(X), n_rows, replace=False)]
        path.parent.mkdir(parents=True, exist_ok=True)
        save_model(ConvAutoencoder(max_epochs=epochs, random_state=0).fit(some), path)
    return load_model(path)


def variants(autoencoder: ConvAutoencoder) -> dict[str, Any]:
    """Return the samplers by name."""
    reference = DiscriminativeSampler(MLPDiscriminator(), n_mini_queries=20)

    def changed(**params: Any) -> Any:
        return clone(reference).set_params(**params)

    def stopped(accuracy: float, *, warm_start: bool = True) -> Any:
        return changed(discriminator__stop_accuracy=accuracy, warm_start=warm_start)

    found = {"random": RandomSampler(), REFERENCE: reference}
    found |= {f"{n} mini-queries": changed(n_mini_queries=n) for n in (1, 2, 5, 10, 50)}
    found |= {f"stop at {a:.1%}": stopped(a) for a in (0.9, 0.95, 0.995)}
    found["from scratch"] = stopped(0.98, warm_start=False)
    found["weights carried over whole"] = changed(discriminator__shrink=1.0)
    found["pixels"] = changed(estimator="passthrough")
    found["autoencoder"] = changed(estimator=FrozenEstimator(autoencoder))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="MNIST: an .npz file or a folder of idx files")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--queries", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=30, help="of LeNet")
    parser.add_argument("--autoencoder-epochs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--output", type=Path, default=RESULTS / "ablation")
    parser.add_argument("--only-print", action="store_true")
    args = parser.parse_args()

    if not args.only_print:
        X, y, X_test, y_test = load_images(args.data)
        path = args.output.with_name(f"{args.output.name}-autoencoder.safetensors")
        autoencoder = trained_autoencoder(X, args.autoencoder_epochs, path)
        compare(
            variants(autoencoder),
            LeNetClassifier(max_epochs=args.epochs),
            *(X, y, X_test, y_test),
            n_initial=100,
            n_instances=100,
            n_queries=args.queries,
            n_repeats=args.repeats,
            n_jobs=args.jobs,
            directory=args.output,
            resume=True,
            verbose=1,
        )
    header = ["variant", "runs", "area", "minus reference, 95 %", "final accuracy", "query s"]
    print_table(header, rows(read_results(args.output)))


def rows(results: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the lines of the table; a single run has neither deviation nor interval."""

    def told(text: str, *values: float) -> str:
        return "" if any(map(math.isnan, values)) else text.format(*values)

    def difference(line: dict[str, Any]) -> str:
        mean, ends = line["difference"], (line["low"], line["high"])
        return (told("{:+.4f}", mean) + told(" [{:+.4f}, {:+.4f}]", *ends)) or "-"

    return [
        (
            line["sampler"],
            line["n_repeats"],
            f"{line['area']:.4f}",
            difference(line),
            f"{line['final_score']:.4f}" + told(" ± {:.4f}", line["final_score_sd"]),
            f"{line['query_seconds']:.0f}",
        )
        for line in summarize(results, baseline=REFERENCE)
    ]


if __name__ == "__main__":
    main()
