"""Figure 1 of the paper from results of `skdal compare`: tables in Markdown, and the pictures.

For every folder: the area under the learning curve and its difference to random, paired by
repeat, the accuracy at some numbers of labels, and the entropy of the classes of what was
chosen (2.303 nats is as many of each of ten). The picture is drawn beside it as PNG.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _common import print_table
from matplotlib.figure import Figure

from skdal.experiments import read_results, summarize
from skdal.plotting import LearningCurveDisplay


def differences(folder: Path, baseline: str) -> None:
    lines = []
    for line in summarize(read_results(folder), baseline=baseline):
        if line["sampler"] != baseline:
            cells = [line["sampler"]]
            for kind in ("", "final_"):
                low, high = line[f"{kind}low"], line[f"{kind}high"]
                cells.append(f"{line[f'{kind}difference']:+.4f} [{low:+.4f}, {high:+.4f}]")
            lines.append(cells)
    print_table(["sampler", f"area minus {baseline}, 95 %", "the same of the last accuracy"], lines)


def tables(folder: Path, at: list[int]) -> None:
    results = read_results(folder)
    n_labels = sorted({record["n_labels"] for record in results})
    at = [n for n in at if n in n_labels] or n_labels[1:]
    lines = []
    for line in summarize(results):
        own = [record for record in results if record["sampler"] == line["sampler"]]
        cells = [line["sampler"], line["n_repeats"], f"{line['area']:.4f}"]
        interval = f"{line['difference']:+.4f} [{line['low']:+.4f}, {line['high']:+.4f}]"
        cells.append("" if line["sampler"] == "random" else interval)
        for n in at:
            scores = [record["score"] for record in own if record["n_labels"] == n]
            cells.append(f"{np.mean(scores):.4f} ± {np.std(scores, ddof=1):.4f}")
        chosen = [record for record in own if record["n_labels"] > n_labels[0]]
        entropy = [record["class_entropy"] for record in chosen]
        cells += [f"{np.mean(entropy):.2f}", f"{np.min(entropy):.2f}"]
        cells.append(f"{line['query_seconds']:.0f}")
        lines.append(cells)
    header = ["sampler", "runs", "area", "minus random, 95 %", *[f"{n:,}" for n in at]]
    print_table([*header, "class entropy", "least", "query s"], lines)


def picture(folder: Path, path: Path) -> None:
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    LearningCurveDisplay.from_results(read_results(folder)).plot(
        ax=figure.subplots(), score_name="Test accuracy"
    )
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", help="the --output of skdal compare")
    parser.add_argument("--at", type=int, nargs="*", default=[200, 300, 500, 800, 1100])
    parser.add_argument("--pictures", type=Path, help="a folder for PNG files")
    parser.add_argument("--baseline", help="print the differences to this sampler instead")
    args = parser.parse_args()
    for folder in args.folders:
        print(f"\n{folder.name}\n")
        if args.baseline:
            differences(folder, args.baseline)
            continue
        tables(folder, args.at)
        if args.pictures:
            picture(folder, args.pictures / f"{folder.name}.png")


if __name__ == "__main__":
    main()
