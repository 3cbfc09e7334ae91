"""
Which digits to label next?
===========================

Active learning in ten lines: a hundred labels of handwritten digits are paid for, and DAL says of
which digits.
"""

# %%
# No digit is labeled yet, which -1 says, as everywhere in scikit-learn. The first twenty are drawn
# at random. DAL trains a classifier to tell labeled rows from the others; logistic regression is a
# quick one.
import numpy as np
from sklearn.linear_model import LogisticRegression

from skdal import ActiveLearner, DiscriminativeSampler
from skdal.datasets import load

digits = load("digits")
model = LogisticRegression(max_iter=1000)
dal = DiscriminativeSampler(LogisticRegression(max_iter=1000))
learner = ActiveLearner(model, dal, random_state=0).fit(digits.X, np.full(len(digits.X), -1))
for _ in range(5):
    rows = learner.query(n_instances=20)
    learner.teach(rows, digits.y[rows])  # somebody labels them
    accuracy = learner.score(digits.X_test, digits.y_test)
    print(f"{len(learner.labels_)} labels: accuracy {accuracy:.3f}")

# %%
# These are the digits of the last query, in the order of choice, with the labels that they got.
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 10, figsize=(8, 2), layout="constrained")
for ax, row in zip(axes.flat, rows, strict=True):
    ax.imshow(digits.X[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(digits.y[row], fontsize=9)
    ax.axis("off")
plt.show()

# %%
# Were they worth the work? A single run is luck, so random sampling and DAL play twenty times, from
# the same twenty starts.
from skdal import RandomSampler
from skdal.experiments import compare, summarize
from skdal.plotting import LearningCurveDisplay

samplers = {"random": RandomSampler(), "DAL": dal}
results = compare(samplers, model, **digits, n_instances=20, n_queries=4, n_repeats=20)
LearningCurveDisplay.from_results(results, score_name="Accuracy")
plt.show()

line = summarize(results)[1]
interval = f"[{line['low']:+.3f}, {line['high']:+.3f}]"
print(f"Mean accuracy over the curve, DAL less random: {line['difference']:+.3f}, 95 % {interval}")

# %%
# The interval leaves out zero: on these digits the rows that DAL chooses are worth more than
# random ones, by a point or two. The bands tell why it took twenty runs to see. What DAL gains
# elsewhere is :doc:`measured </dal>`.
