from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skdal._seeding import seeded, unseeded


def test_nested_and_frozen():
    pipeline = make_pipeline(PCA(), MLPClassifier(random_state=3))
    assert unseeded(pipeline) == ["pca__random_state"]
    found = seeded(pipeline, 0)
    assert found[0].random_state is not None
    assert found[1].random_state == 3
    assert pipeline[0].random_state is None
    frozen = FrozenEstimator(PCA())
    assert isinstance(seeded(frozen, 0), FrozenEstimator)
