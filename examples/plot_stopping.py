"""
When to stop labeling
=====================

``DivergenceStop`` asks whether a model still treats the rows that it was trained on differently
from the others. As long as it does, more labels are likely to help; once it does not, the loop may
end.
"""

# %%
# ``BudgetedLearner`` plays the loop until the rule stops it, or 600 labels are used.
from sklearn.linear_model import LogisticRegression

from skdal import BudgetedLearner, DiscriminativeSampler, DivergenceStop
from skdal.datasets import load

digits = load("digits")
model = LogisticRegression(max_iter=1000)
learner = BudgetedLearner(
    model,
    DiscriminativeSampler(model),
    budget=600,
    n_initial=20,
    n_instances=40,
    stopping=DivergenceStop(tolerance=0.2),
    keep_models=True,
    random_state=0,
).fit(digits.X, digits.y)
stop = learner.history_[-1]
print(f"Stopped: {stop['stop']}, with {stop['n_labels']} labels")
print(f"Divergence {stop['divergence']:.2f}, with 95 % confidence below {stop['limit']:.2f}")

# %%
# Was it too early? To see that, a second learner goes on from the same rows, without a rule. Who
# pays for the labels does not have this half of the curve.
on = BudgetedLearner(
    model,
    DiscriminativeSampler(model),
    budget=600,
    n_initial=learner.labeled_rows_,
    n_instances=40,
    keep_models=True,
    random_state=0,
).fit(digits.X, digits.y)


def curve(learner):
    """Return the labels that were used, and the accuracy with them."""
    n_labels = [step["n_labels"] for step in learner.history_]
    return n_labels, [step.score(digits.X_test, digits.y_test) for step in learner.models_]


print(f"Accuracy at the stop {curve(learner)[1][-1]:.3f}, with 600 labels {curve(on)[1][-1]:.3f}")

# %%
# The divergence is 0 where the rows cannot be told apart, and 2 where they always can. What counts
# is its upper confidence limit, for with few labels nothing is sure.
import matplotlib.pyplot as plt

figure, (above, below) = plt.subplots(2, figsize=(7, 5), sharex=True, layout="constrained")
above.plot(*curve(learner), "o-", label="until the stop")
above.plot(*curve(on), "o:", color="gray", label="afterwards")
above.set_ylabel("Accuracy")
above.legend(loc="lower right")
n_labels = [step["n_labels"] for step in learner.history_]
below.plot(n_labels, [step["divergence"] for step in learner.history_], "o-", label="divergence")
below.plot(n_labels, [step["limit"] for step in learner.history_], "^--", label="its limit")
below.axhline(0.2, color="gray", label="tolerance")
below.set(xlabel="Labels", ylabel="Divergence")
below.legend()
for ax in (above, below):
    ax.axvline(stop["n_labels"], color="gray", linewidth=1)
    ax.grid(alpha=0.3)
plt.show()

# %%
# The rule ended the loop where the curve has become flat: the labels after it, which cost nearly
# as much again, gain a point. That is one run, and the rule is no guarantee; :doc:`measured
# </stopping>` are many, and for which models and samplers it is of use.
