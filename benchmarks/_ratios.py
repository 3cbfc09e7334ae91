"""The ratios that skdal is held to, by section of the page: what, the goal, and how measured."""

from __future__ import annotations

from _figures import (
    gains,
    growth,
    largest,
    mib,
    overhead,
    pca,
    plain,
    pool,
    programs,
    reduction,
    shares,
    spearman,
    speed_ups,
    worst,
)
from _line import Line, beside, span, timed

ALIKE = ("uncertainty / DBAL", "uncertainty / DFAL")
APART = ("uncertainty / DAL", "DBAL / DAL", "DFAL / DAL")

SECTIONS: dict[str, list[Line]] = {
    "Discriminative sampling": [
        Line(
            "a query of 1,000 of 60,000 rows, times as fast as the recipe of the paper's code",
            "dal",
            lambda r: r["speed-recipe"]["ratio"],
            lambda r: timed(r["speed-recipe"], theirs="recipe_seconds"),
            "128 columns of MNIST, 1,000 labeled, 20 mini-queries; the recipe (Adam 1e-4, "
            "batches of 128, from scratch) in plain torch, its first three timed, scaled by rows",
            at_least=5,
        ),
        Line(
            "the same, the three scaled by 20 / 3 alone",
            "dal",
            lambda r: r["speed-recipe"]["ratio_if_scaled_by_20_thirds"],
            lambda r: f"{r['speed-recipe']['recipe_seconds_of_three']:.3g} s for three",
            "the least favorable way to scale",
            at_least=5,
        ),
        Line(
            "an epoch of the discriminator, times that of a bare torch loop",
            "dal",
            lambda r: r["speed-epoch"]["ratio"],
            lambda r: timed(r["speed-epoch"], theirs="bare_seconds"),
            "11,000 rows in 128 columns, batches of 128; medians in turns",
            at_most=1.15,
        ),
        Line(
            "memory of the query above, times the bytes of X",
            "dal",
            lambda r: r["speed-memory"]["ratio"],
            lambda r: beside(
                r["speed-memory"]["extra_bytes"] / 1e6, r["speed-memory"]["bytes_of_X"] / 1e6, "MB"
            ),
            "growth of the peak of the process",
            at_most=2,
        ),
        Line(
            "times as fast as scikit-activeml's `DiscriminativeAL`",
            "peer-scikit-activeml-dal",
            lambda r: r["speed-peer"]["ratio"],
            lambda r: timed(r["speed-peer"]),
            "5,000 x 64, a batch of 100, the same logistic regression; theirs refits for every "
            "row, ours for ten",
            at_least=8,
        ),
        Line(
            "the same, if ours refits for every row too",
            "peer-scikit-activeml-dal",
            lambda r: (
                r["speed-peer"]["peer_seconds"]
                / r["speed-peer"]["ours_refit_for_every_row_over_the_pool_seconds"]
            ),
            lambda r: timed(r["speed-peer"], "ours_refit_for_every_row_over_the_pool_seconds"),
            "100 mini-queries over the whole pool",
        ),
        Line(
            "times as fast as small-text's `DiscriminativeActiveLearning`",
            "peer-small-text",
            lambda r: r["peer-small-text"]["dal"]["ratio"],
            lambda r: timed(r["peer-small-text"]["dal"]),
            "the same data; ten mini-queries over the whole pool on both sides",
        ),
        Line(
            "a missing cluster: its share of L less its share of the pool, mean size",
            "fidelity",
            lambda r: shares(r, "default"),
            lambda r: f"{shares(r, 'default'):.3f} over {r['fidelity']['seeds']} pools",
            "10,000 rows, a query of 100; 0.05 was aimed at",
            at_most=0.1,
            unit="",
        ),
        Line(
            "that error, times the error of a single mini-query",
            "fidelity",
            lambda r: shares(r, "default") / shares(r, "default, a single mini-query"),
            lambda r: (
                f"{shares(r, 'default'):.3f} beside {shares(r, 'default, a single mini-query'):.3f}"
            ),
            "the same pools",
            at_most=1,
        ),
    ],
    "Samplers that read a network": [
        Line(
            "`MCDropoutSampler` with 100 passes, times one `predict_proba`",
            "networks",
            lambda r: r["neural-dbal"]["ratio"],
            lambda r: timed(r["neural-dbal"], "dbal_seconds", "predict_proba_seconds"),
            "LeNet, 4,000 images; 100 plain passes take a hundred times as long as one",
            at_most=2,
        ),
        Line(
            "`ExpectedGradientLengthSampler`, times as fast as plain autograd",
            "networks",
            lambda r: r["neural-egl"]["ratio"],
            lambda r: beside(
                r["neural-egl"]["ms_per_row"]["ours"],
                r["neural-egl"]["ms_per_row"]["by_row_and_class"],
                "ms a row",
            ),
            "forward and backward for every row and class",
            at_least=8,
        ),
        Line(
            "`DeepFoolSampler`, times as fast as image by image",
            "networks",
            lambda r: r["neural-deepfool"]["ratio"],
            lambda r: beside(
                r["neural-deepfool"]["ms_per_row"]["ours"],
                r["neural-deepfool"]["ms_per_row"]["by_row"],
                "ms a row",
            ),
            "the same algorithm, ten classes, 10 steps",
            at_least=3,
        ),
        Line(
            "an epoch of `LeNetClassifier`, times that of a bare torch loop",
            "networks",
            lambda r: r["neural-epoch"]["ratio"],
            lambda r: timed(r["neural-epoch"], "ours", "bare"),
            "2,000 images, two epochs, batches of 32",
            at_most=1.1,
        ),
        Line(
            "scores in float64, largest relative difference to plain loops",
            "networks",
            lambda r: max(largest(r, "float64").values()),
            lambda r: ", ".join(f"{k} {v:.0e}" for k, v in largest(r, "float64").items()),
            "64 images",
            at_most=1e-5,
            unit="",
        ),
        Line(
            "norms of DeepFool in float32, largest relative difference",
            "networks",
            lambda r: largest(r, "float32")["deepfool"],
            lambda r: f"{largest(r, 'float32')['deepfool']:.0e}",
            "to the loop in float64",
            at_most=1e-4,
            unit="",
        ),
        Line(
            "memory that a larger pool takes beyond a smaller one, at most",
            "networks",
            growth,
            lambda r: "; ".join(
                f"{name}: {', '.join(f'{mib} MiB for {rows}' for rows, mib in sizes.items())}"
                for name, sizes in r["neural-memory"]["extra_MiB"].items()
            ),
            "growth of the peak of the process; 8 bytes a row are the scores",
            at_most=1,
            unit="MiB",
        ),
    ],
    "Core-set": [
        *(
            Line(
                f"{k:,} picks, times as fast as scikit-activeml's `CoreSet`",
                "peer-scikit-activeml-core-set",
                lambda r, i=i: r["k-center"]["peer"]["runs"][i]["peer_ratio"],
                lambda r, i=i: (
                    timed(r["k-center"]["peer"]["runs"][i], "seconds")
                    + "; in float64 "
                    + f"{r['k-center']['peer']['runs'][i]['peer_ratio_in_float64']:.3g} x"
                ),
                "60,000 x 64 of MNIST, 1,000 labeled; ours float32, theirs float64",
                at_least=goal,
            )
            for i, (k, goal) in enumerate(((100, 10), (1000, 50)))
        ),
        Line(
            "1,000 picks, times as fast as the plain loop",
            "core-set",
            lambda r: pca(r)["plain_ratio"],
            lambda r: timed(pca(r), "seconds", "plain_seconds"),
            "60,000 x 64 of MNIST, 1,000 labeled; the loop compares all rows with every new center "
            "by a matrix-vector product",
            at_least=5,
        ),
        Line(
            "the same in 512 columns, the least of three cases",
            "core-set",
            lambda r: worst(plain(r, "rp512"), "plain_ratio")["plain_ratio"],
            lambda r: f"{span([each['plain_ratio'] for each in plain(r, 'rp512')])} x",
            "60,000 x 512, a random projection of MNIST; 100 and 1,000 picks",
            at_least=10,
        ),
        Line(
            "the same, the least of all cases, two uniform columns among them",
            "core-set",
            lambda r: worst(plain(r, ""), "plain_ratio")["plain_ratio"],
            lambda r: f"{worst(plain(r, ''), 'plain_ratio')['data']}, {len(plain(r, ''))} cases",
            "2 to 512 columns, 1 to 1,000 labeled rows",
            at_least=0.9,
        ),
        Line(
            "picks that are those of the plain loop, the least of all cases",
            "core-set",
            lambda r: worst(plain(r, ""), "same_rows")["same_rows"],
            lambda r: f"{worst(plain(r, ''), 'same_rows')['data']}",
            "the loop in float32; tests compare with one in float64, tie by tie",
            unit="%",
        ),
        Line(
            "extra memory, times X, from 12 columns on",
            "core-set",
            lambda r: max(
                each["extra_memory_by_X"]
                for each in plain(r, "")
                if each["data"] not in {f"uniform{d}" for d in range(2, 12)}
            ),
            lambda r: (
                f"{max(each['extra_memory_by_X'] for each in plain(r, '')):.2g} x in fewer columns"
            ),
            "by tracemalloc",
            at_most=1.2,
        ),
        *(
            Line(
                f"100 picks, times as fast as {whose}",
                f"peer-{name}",
                lambda r, name=name: r[f"peer-{name}"]["core_set"]["ratio"],
                lambda r, name=name: (
                    timed(r[f"peer-{name}"]["core_set"])
                    + f"; radius {r[f'peer-{name}']['core_set']['radius']:.4g} and "
                    + f"{r[f'peer-{name}']['core_set']['peer_radius']:.4g}"
                ),
                how,
            )
            for name, whose, how in (
                ("small-text", "small-text's `greedy_coreset`", "5,000 x 64, 100 labeled"),
                ("alipy", "ALiPy's `QueryInstanceCoresetGreedy`", "20,000 x 64, 100 labeled"),
                (
                    "distil",
                    "the loop of decile-distil and the paper's code",
                    "60,000 x 64, 100 labeled; written anew, by scikit-learn's pairwise distances",
                ),
            )
        ),
        *(
            Line(
                f"integer program, {words}: largest proven gap",
                "integer-program",
                lambda r, s=sizes, lab=labeled: worst(programs(r, s, lab), "gap", max)["gap"],
                lambda r, s=sizes, lab=labeled: (
                    f"{span([each['seconds'] for each in programs(r, s, lab)], '{:.1f}')} s"
                ),
                "MNIST in 64 columns, CBC, n / 10,000 outliers, 60 s",
                at_most=0.005,
                unit="%",
            )
            for words, sizes, labeled in (
                ("500 and 1,000 rows, 50 picks, none labeled", (500, 1000), False),
                ("2,000 rows, 100 picks, none labeled", (2000,), False),
                ("500 to 2,000 rows, 100 labeled", (500, 1000, 2000), True),
            )
        ),
        *(
            Line(
                f"its radius below greedy's, {words}: the least",
                "integer-program",
                lambda r, lab=labeled: (
                    1 - max(each["by_greedy"] for each in programs(r, (500, 1000, 2000), lab))
                ),
                lambda r, lab=labeled: span(
                    [100 - 100 * each["by_greedy"] for each in programs(r, (500, 1000, 2000), lab)],
                    "{:.1f} %",
                ),
                "the same runs",
                at_least=0.05,
                unit="%",
            )
            for words, labeled in (("none labeled", False), ("100 labeled", True))
        ),
        Line(
            "the reduced program, times as fast as the whole",
            "integer-program",
            lambda r: min(reduction(r)),
            lambda r: f"{span(reduction(r))} x",
            "5,000 rows, 100 picks; to build and to solve, seconds on the wall",
            at_least=4,
        ),
    ],
    "The learning loop": [
        *(
            Line(
                f"overhead of a learner beside fit and query, `{sampler}`",
                "loop",
                lambda r, name=name: max(overhead(r, name)),
                lambda r, name=name: span([100 * each for each in overhead(r, name)], "{:.1f} %"),
                "digits, logistic regression, 20 rounds; ActiveLearner and BudgetedLearner",
                at_most=0.05,
                unit="%",
            )
            for sampler, name in (
                ("DiscriminativeSampler", "discriminative"),
                ("UncertaintySampler", "uncertainty"),
            )
        ),
        Line(
            "20 rounds, times as fast as modAL's `ActiveLearner`",
            "peer-modal",
            lambda r: r["peer-modal"]["loop"]["ratio"],
            lambda r: (
                timed(r["peer-modal"]["loop"])
                + f"; accuracy {r['peer-modal']['loop']['ours']:.3f} and "
                + f"{r['peer-modal']['loop']['theirs']:.3f}"
            ),
            "digits, entropy, the same logistic regression, which is most of the time; "
            "scikit-learn 1.7, as modAL needs",
        ),
    ],
    "Large pools": [
        Line(
            "a query of 10,000,000 rows, times one of 100,000",
            "large-pools",
            lambda r: pool(r, "epochs")["cpu_seconds"] / pool(r, "epochs", 10**5)["cpu_seconds"],
            lambda r: beside(
                pool(r, "epochs")["cpu_seconds"], pool(r, "epochs", 10**5)["cpu_seconds"]
            ),
            "64 columns on disk, 10,000 labeled, 10 mini-queries of 5 epochs each",
            at_most=1.3,
        ),
        Line(
            "memory of it",
            "large-pools",
            lambda r: mib(r, "epochs"),
            lambda r: f"{mib(r, 'epochs'):.0f} MiB",
            "anonymous memory beyond what the libraries take",
            at_most=1024,
            unit="MiB",
        ),
        Line(
            "`score_samples` of 10,000,000 rows, times a read and a pass of the network",
            "large-pools",
            lambda r: pool(r, "score")["cpu_seconds"] / pool(r, "forward")["cpu_seconds"],
            lambda r: beside(pool(r, "score")["cpu_seconds"], pool(r, "forward")["cpu_seconds"]),
            "the pass by plain torch",
            at_most=1.3,
        ),
        Line(
            '`candidates="pool"`, two mini-queries, times two reads and passes',
            "large-pools",
            lambda r: pool(r, "pool")["cpu_seconds"] / (2 * pool(r, "forward")["cpu_seconds"]),
            lambda r: beside(pool(r, "pool")["cpu_seconds"], 2 * pool(r, "forward")["cpu_seconds"]),
            "the training of ours included, 2 x 5 epochs of 110,000 rows",
            at_most=1.3,
        ),
        Line(
            "memory of both",
            "large-pools",
            lambda r: mib(r, "score", "pool"),
            lambda r: f"{mib(r, 'score'):.0f} and {mib(r, 'pool'):.0f} MiB",
            "as above",
            at_most=1536,
            unit="MiB",
        ),
        Line(
            "memory of greedy core-set of 10,000,000 rows",
            "large-pools",
            lambda r: mib(r, "greedy"),
            lambda r: f"{pool(r, 'greedy')['cpu_seconds']:.3g} s",
            "as above",
            at_most=2048,
            unit="MiB",
        ),
        Line(
            "four workers, times as fast as one, the least of two tasks",
            "cluster",
            lambda r: min(speed_ups(r).values()),
            lambda r: "; ".join(f"{name}: {value:.3g} x" for name, value in speed_ups(r).items()),
            "1,000,000 rows, a dask.distributed cluster of processes, seconds on the wall",
        ),
    ],
    "Longer runs": [
        Line(
            "accuracy of LeNet on 500 images of MNIST, 400 by DAL, less that of 400 at random",
            "dal-selection-mnist",
            lambda r: float(gains(r).mean()),
            lambda r: f"{gains(r).mean():+.4f}, mean of {len(gains(r))} seeds",
            "see [DAL](dal.md) for the interval",
            at_least=0.006,
            unit="",
        ),
        Line(
            "Spearman of uncertainty's ranking with that of DBAL and DFAL, the least",
            "rankings-mnist",
            lambda r: min(spearman(r, *ALIKE)),
            lambda r: span(spearman(r, *ALIKE), "{:.2f}"),
            "LeNet on 1,000 labels; the paper finds them alike",
            unit="",
        ),
        Line(
            "Spearman of DAL's ranking with theirs, the largest",
            "rankings-mnist",
            lambda r: max(spearman(r, *APART)),
            lambda r: span(spearman(r, *APART), "{:.2f}"),
            "the paper finds it near zero, which [does not hold](neural.md)",
            unit="",
        ),
    ],
}
