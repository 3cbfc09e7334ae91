"""What do the samplers that read a network cost, beside what one would write by hand?

LeNet, trained on 1,000 MNIST images, float32, one thread. Each section prints a ratio.

dbal      MCDropoutSampler with 100 passes beside one predict_proba over the same rows, and
          beside 100 plain passes.
egl       ExpectedGradientLengthSampler beside a loop over rows and classes: forward and backward
          for each, and one forward a row with a gradient for each class.
deepfool  DeepFoolSampler beside the same algorithm image by image.
epoch     an epoch of LeNetClassifier beside a bare torch loop.
memory    what score_samples adds to the peak memory of the process, for pools of two sizes.
accuracy  the largest relative difference of float64 and float32 to the loops in float64.

Seconds are CPU seconds of the process: with --threads 1 they are time. Each is the median of
several runs that take turns with those it is compared with.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import load_images, print_table, write_result
from sklearn.frozen import FrozenEstimator
from torch import nn
from torch.nn.functional import cross_entropy

from skdal import DeepFoolSampler, ExpectedGradientLengthSampler, MCDropoutSampler
from skdal.neural import LeNet, LeNetClassifier
from skdal.neural.deepfool import deepfool
from skdal.neural.dropout import dropout_passes, mean_predictions
from skdal.neural.gradients import expected_gradient_length

N_TRAIN, N_CLASSES = 1000, 10


def clock(run: Callable[[], Any]) -> float:
    # Of this process, all its threads: the wall clock of a shared machine times the neighbors.
    start = time.process_time()
    run()
    return time.process_time() - start


def in_turns(times: int, **runs: Callable[[], Any]) -> dict[str, float]:
    """Return the median CPU seconds of several runs, after one each that warms up."""
    for run in runs.values():
        run()
    seconds = [{name: clock(run) for name, run in runs.items()} for _ in range(times)]
    return {name: float(np.median([each[name] for each in seconds])) for name in runs}


# What one would write by hand


def egl_by_row_and_class(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Forward and backward for every row and class."""
    lengths = []
    for row in x:
        with torch.no_grad():
            p = module(row[None]).softmax(dim=1)[0]
        total = torch.zeros((), dtype=x.dtype)
        for label in range(N_CLASSES):
            module.zero_grad()
            cross_entropy(module(row[None]), torch.tensor([label])).backward()
            square = sum((w.grad**2).sum() for w in module.parameters())
            total += p[label] * square.sqrt()
        lengths.append(total)
    module.zero_grad()
    return torch.stack(lengths)


def egl_by_row(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """One forward for every row, then the gradient for each class."""
    parameters = list(module.parameters())
    lengths = []
    for row in x:
        log_p = module(row[None]).log_softmax(dim=1)[0]
        total = torch.zeros((), dtype=x.dtype)
        for label in range(N_CLASSES):
            gradients = torch.autograd.grad(-log_p[label], parameters, retain_graph=True)
            square = sum((g**2).sum() for g in gradients)
            total += log_p[label].detach().exp() * square.sqrt()
        lengths.append(total)
    return torch.stack(lengths)


def deepfool_by_row(
    module: nn.Module, x: torch.Tensor, *, max_iter: int = 10, overshoot: float = 0.02
) -> torch.Tensor:
    """Algorithm 2 of the DeepFool paper, image by image."""
    norms = []
    for row in x:
        total = torch.zeros_like(row)
        point = row.clone()
        own = None
        for step in range(max_iter + 1):
            point.requires_grad_()
            logits = module(point[None])[0]
            own = int(logits.argmax()) if own is None else own
            if int(logits.argmax()) != own or step == max_iter:
                break
            gradients = [
                torch.autograd.grad(logit, point, retain_graph=True)[0] for logit in logits
            ]
            nearest = (float("inf"), total)
            for label in range(N_CLASSES):
                if label != own:
                    normal = gradients[label] - gradients[own]
                    norm = normal.norm()
                    distance = (logits[own] - logits[label]).detach() / norm
                    nearest = min(nearest, (distance, distance / norm * normal), key=lambda t: t[0])
            total = total + nearest[1]
            point = (row + (1 + overshoot) * total).detach()
        norms.append((point.detach() - row).norm())
    return torch.stack(norms)


def train_bare(X: torch.Tensor, y: torch.Tensor, epochs: int) -> None:
    module = LeNet(X.shape[1:], N_CLASSES).train()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(32):
            optimizer.zero_grad()
            cross_entropy(module(X[rows]), y[rows]).backward()
            optimizer.step()


# The sections


def dbal(sampler_of: Any, X: np.ndarray, model: LeNetClassifier) -> dict[str, Any]:
    sampler = sampler_of(MCDropoutSampler, n_passes=100, random_state=0)
    module = model.net_.module_
    x = torch.from_numpy(X)

    def plain_passes() -> None:
        module.train()
        with torch.inference_mode():
            for _ in range(100):
                for part in x.split(256):
                    module(part).softmax(dim=1)
        module.eval()

    seconds = in_turns(
        5, proba=lambda: model.predict_proba(X), dbal=lambda: sampler.score_samples(X)
    )
    naive = clock(plain_passes)
    return {
        "n_rows": len(X),
        "predict_proba_seconds": seconds["proba"],
        "dbal_seconds": seconds["dbal"],
        "plain_passes_seconds": naive,
        "ratio": seconds["dbal"] / seconds["proba"],
        "plain_ratio": naive / seconds["proba"],
    }


def egl(sampler_of: Any, X: np.ndarray, model: LeNetClassifier) -> dict[str, Any]:
    sampler = sampler_of(ExpectedGradientLengthSampler)
    module = model.net_.module_.eval()
    few = torch.from_numpy(X[:24])
    X = X[:512]
    seconds = in_turns(
        5,
        ours=lambda: sampler.score_samples(X),
        by_row_and_class=lambda: egl_by_row_and_class(module, few),
        by_row=lambda: egl_by_row(module, few),
    )
    ms = {name: 1e3 * s / (len(X) if name == "ours" else len(few)) for name, s in seconds.items()}
    return {
        "ms_per_row": ms,
        "ratio": ms["by_row_and_class"] / ms["ours"],
        "ratio_to_one_forward": ms["by_row"] / ms["ours"],
    }


def fool(sampler_of: Any, X: np.ndarray, model: LeNetClassifier) -> dict[str, Any]:
    sampler = sampler_of(DeepFoolSampler)
    module = model.net_.module_.eval()
    few = torch.from_numpy(X[:48])
    X = X[:512]
    seconds = in_turns(
        5, ours=lambda: sampler.score_samples(X), by_row=lambda: deepfool_by_row(module, few)
    )
    ms = {name: 1e3 * s / (len(X) if name == "ours" else len(few)) for name, s in seconds.items()}
    return {"ms_per_row": ms, "ratio": ms["by_row"] / ms["ours"]}


def epoch(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    x, target = torch.from_numpy(X[:2000]), torch.from_numpy(y[:2000])
    ours = LeNetClassifier(validation_fraction=0, max_epochs=2, random_state=0, device="cpu")
    seconds = in_turns(
        5,
        ours=lambda: ours.fit(X[:2000], y[:2000]),
        bare=lambda: train_bare(x, target, 2),
    )
    return {**seconds, "ratio": seconds["ours"] / seconds["bare"]}


def status_bytes(field: str) -> int:
    """Read a figure of this process that Linux keeps in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def memory(sampler_of: Any, X: np.ndarray) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for name, sampler, sizes in (
        ("dbal", sampler_of(MCDropoutSampler, n_passes=10, random_state=0), (20_000, 59_000)),
        ("egl", sampler_of(ExpectedGradientLengthSampler), (1_000, 6_000)),
        ("deepfool", sampler_of(DeepFoolSampler), (1_000, 6_000)),
    ):
        sampler.score_samples(X[:500])
        extra[name] = {}
        for n_rows in sizes:
            gc.collect()
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
            before = status_bytes("VmRSS")
            sampler.score_samples(X[:n_rows])
            extra[name][f"{n_rows} rows"] = round((status_bytes("VmHWM") - before) / 2**20, 1)
    return {"extra_MiB": extra}


def accuracy(X: np.ndarray, model: LeNetClassifier) -> dict[str, Any]:
    """Return the largest relative difference to the loops in float64."""
    result: dict[str, Any] = {}
    loops: dict[str, torch.Tensor] = {}
    for dtype in (torch.float64, torch.float32):
        module = LeNet((28, 28), N_CLASSES)
        module.load_state_dict(model.net_.module_.state_dict())
        module = module.to(dtype).eval()
        x = torch.from_numpy(X[:64]).to(dtype)
        if not loops:
            with torch.no_grad():
                mean = sum(z.softmax(dim=1) for z in dropout_passes(module, x, 20, 0)) / 20
            loops = {
                "dbal": mean,
                "egl": egl_by_row(module, x),
                "deepfool": deepfool_by_row(module, x),
            }
        ours = {
            "dbal": mean_predictions(module, x, 20, 0)[0],
            "egl": expected_gradient_length(module, x),
            "deepfool": deepfool(module, x, max_iter=10)[0],
        }
        result[str(dtype).removeprefix("torch.")] = {
            name: float(((ours[name] - loop).abs() / loop.abs()).max())
            for name, loop in loops.items()
        }
    return {"largest_relative_difference": result}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="MNIST: an .npz file or a folder of idx files")
    sections = ("dbal", "egl", "deepfool", "epoch", "memory", "accuracy")
    parser.add_argument("--only", choices=sections, action="append", help="may be repeated")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    X, y, _, _ = load_images(args.data)
    rows = np.random.RandomState(0).permutation(len(X))
    X, y = X[rows], y[rows]
    model = LeNetClassifier(max_epochs=20, random_state=0, device="cpu")
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    pool = X[N_TRAIN:]

    def sampler_of(kind: Any, **params: Any) -> Any:
        return kind(FrozenEstimator(model), **params).fit(pool, np.full(len(pool), -1))

    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "dbal": lambda: dbal(sampler_of, pool[:4000], model),
        "egl": lambda: egl(sampler_of, pool, model),
        "deepfool": lambda: fool(sampler_of, pool, model),
        "epoch": lambda: epoch(X, y),
        "memory": lambda: memory(sampler_of, pool),
        "accuracy": lambda: accuracy(pool, model),
    }
    for name in args.only or sections:
        result = runs[name]()
        print_table(["", name], [(key, value) for key, value in result.items()])
        write_result(f"neural-{name}", result)


if __name__ == "__main__":
    main()
