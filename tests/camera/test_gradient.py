import cv2
import numpy as np

from dualcam.camera.gradient import gradient_magnitude


def placed(picture, offset):
    """The same values at an address that is ``offset`` bytes past a multiple of 64."""
    raw = np.empty(picture.nbytes + 128, np.uint8)
    start = -raw.ctypes.data % 64 + offset
    out = raw[start : start + picture.nbytes].view(np.float32).reshape(picture.shape)
    out[:] = picture
    return out


def test_a_ramp_has_the_slope_that_it_was_given():
    ramp = np.add.outer(3 * np.arange(20), 4 * np.arange(30)).astype(np.float32)
    np.testing.assert_allclose(gradient_magnitude(ramp)[2:-2, 2:-2], 8 * 5, rtol=1e-6)


def test_every_address_gives_the_same_bits():
    noise = cv2.GaussianBlur(np.random.default_rng(3).random((241, 354)).astype(np.float32), (0, 0), 1)
    first = gradient_magnitude(placed(noise, 0))
    for offset in (4, 8, 12, 16, 32, 36):
        np.testing.assert_array_equal(gradient_magnitude(placed(noise, offset)), first)
