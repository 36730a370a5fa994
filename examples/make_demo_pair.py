"""Make the pair of pictures behind ``dualcam demo`` from a clean stereo pair.

    python examples/make_demo_pair.py LEFT RIGHT [--out FOLDER]

LEFT and RIGHT are the two views of the Middlebury scene "Aloe" (1282 x 1110 pixels), which the Debian package
opencv-doc carries as aloeL.jpg and aloeR.jpg. The left view becomes the mono picture. The right view is turned
and zoomed a little, as a second camera on a home-made rig would see it, and becomes the dark color picture.
Noise, mosaic and quantisation are those of the NIGHT protocol. The same inputs always give the same pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import decode, encode
from dualcam.evaluation.protocol import capture
from dualcam.rig import warp

SCENE, LEVEL, SCALE = "Aloe", "night", 2
TURN_DEG, ZOOM = 1.5, 1.04
MOST_BYTES = 2_500_000
"""A 16-bit mono file over this size is written with 8 bits instead."""


def twist(display: NDArray[np.uint8], turn_deg: float, zoom: float) -> NDArray[np.uint8]:
    """Turn a picture about its center and zoom into it, with one cubic interpolation in linear light.

    Args:
        display: (H, W, 3) uint8 display RGB.
        turn_deg: angle in degrees.
        zoom: magnification; it has to be large enough to keep the corners of the result inside the picture.

    Returns:
        The same shape and type.
    """
    height, width = display.shape[:2]
    angle = np.deg2rad(turn_deg)
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    middle = np.array([width / 2, height / 2])
    turn = np.array([[cos, -sin], [sin, cos]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = middle - turn @ middle
    positions = warp.transform(matrix, warp.centers(height, width))
    if not warp.inside(positions, height, width).all():
        raise SystemExit("error: this zoom leaves empty corners")
    linear = warp.sample(decode(display / np.float32(255)), positions, interpolation=warp.CUBIC)
    return np.rint(encode(np.clip(linear, 0, 1)) * 255).astype(np.uint8)


def load(path: Path) -> NDArray[np.uint8]:
    """Read an 8-bit color picture as (H, W, 3) display RGB."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SystemExit(f"error: {path} cannot be read")
    return np.ascontiguousarray(bgr[..., ::-1])


def png(samples: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Encode (H, W) or (H, W, 3) RGB samples as a PNG without any metadata."""
    ready = samples if samples.ndim == 2 else np.ascontiguousarray(samples[..., ::-1])
    # Noise never repeats, so looking for repetitions only costs: Huffman coding alone gives the least bytes.
    options = [
        cv2.IMWRITE_PNG_COMPRESSION,
        9,
        cv2.IMWRITE_PNG_STRATEGY,
        cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
    ]
    return cv2.imencode(".png", ready, options)[1].tobytes()


def main() -> None:
    """Read two views, write mono.png and color.png."""
    parser = argparse.ArgumentParser(description="Make the demo pair from the two views of Aloe.")
    parser.add_argument("left", type=Path)
    parser.add_argument("right", type=Path)
    default = Path(__file__).resolve().parents[1] / "src" / "dualcam" / "demo"
    parser.add_argument("--out", type=Path, default=default, help="folder for mono.png and color.png")
    options = parser.parse_args()

    shot = capture(
        load(options.left),
        twist(load(options.right), TURN_DEG, ZOOM),
        scene=SCENE,
        level=LEVEL,
        scale=SCALE,
    )
    mono = png(shot.mono)
    if len(mono) > MOST_BYTES:
        mono = png(np.rint(shot.mono / 257).astype(np.uint8))
    options.out.mkdir(parents=True, exist_ok=True)
    for name, data in (("mono.png", mono), ("color.png", png(shot.color))):
        (options.out / name).write_bytes(data)
        print(f"{options.out / name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
