from __future__ import annotations

import numpy as np
import pytest

from skdal.neural import MLP, NeuralClassifier
from skdal.neural.rows import SeenRows

RNG = np.random.RandomState(0)
BYTES = RNG.randint(256, size=(30, 6, 5), dtype=np.uint8)
Y = np.arange(30) % 2


def _model(**params):
    return NeuralClassifier(MLP, max_epochs=2, random_state=0, **params)


@pytest.mark.parametrize("standardize", [False, True])
def test_images_of_bytes_are_divided(standardize):
    model = _model(standardize=standardize).fit(BYTES, Y)
    other = _model(standardize=standardize).fit(BYTES / 255, Y)
    np.testing.assert_allclose(model._rows(BYTES), other._rows(BYTES / 255), atol=1e-5)
    np.testing.assert_allclose(
        model.predict_proba(BYTES), other.predict_proba(BYTES / 255), atol=1e-5
    )
    # Numbers in [0, 1] are the same images.
    np.testing.assert_allclose(model._rows(BYTES / 255), model._rows(BYTES), atol=1e-5)


def test_channels():
    images = BYTES.reshape(10, 3, 6, 5)
    assert SeenRows.of(images, False).prepared(images).max() == BYTES.max() / np.float32(255)


def test_flat_rows_of_bytes_are_numbers():
    flat = BYTES.reshape(30, -1)
    model = _model().fit(flat, Y)
    np.testing.assert_array_equal(model._rows(flat), flat)
    np.testing.assert_array_equal(model._rows(flat.astype(float)), flat)


def test_other_units_than_in_fit():
    model = _model().fit(BYTES, Y)
    for dtype in (np.float32, np.int64):
        with pytest.raises(ValueError, match=r"up to 255, but fit saw uint8.*divide X by 255"):
            model.predict(BYTES.astype(dtype))
    with pytest.raises(ValueError, match="fit saw uint8"):
        model.set_params(warm_start=True).fit(BYTES.astype(float), Y)
    model = _model().fit(BYTES.astype(np.float32), Y)
    assert model.predict(BYTES.astype(float)).shape == (30,)
    with pytest.raises(ValueError, match=r"X holds uint8 images.*pass X.astype\('float32'\)"):
        model.predict(BYTES)


def test_a_little_more_than_one_is_fine():
    model = _model().fit(BYTES, Y)
    assert model.predict(np.clip(BYTES / 255 * 1.4, 0, 1.4)).shape == (30,)


def test_another_shape():
    with pytest.raises(ValueError, match=r"shape \(6, 4\), but those seen in fit had \(6, 5\)"):
        _model().fit(BYTES, Y).predict(BYTES[:, :, 1:])
