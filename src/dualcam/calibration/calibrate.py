"""From two folders of pictures of a board to a rig, with a verdict on every picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualcam.calibration import extrinsics, intrinsics
from dualcam.calibration.board import Board
from dualcam.calibration.coverage import advice, coverage
from dualcam.calibration.detect import Corners, find, gray
from dualcam.calibration.intrinsics import LEAST_CORNERS, LENSES, Fit, Lens
from dualcam.errors import DualcamError, InputError, UsageError
from dualcam.files.read import read
from dualcam.frame import Role, Size
from dualcam.rig import epipolar
from dualcam.rig.cameras import Rig

# A picture is blurred beyond this many pixels, where most others are sharper by this factor.
_BLURRED_PX, _BLURRED = 1.3, 1.5
# A picture or pair does not belong if it is this much worse than the median, and by this many pixels at least.
_OUTLIER, _OUTLIER_PX = 3.0, 0.8
USED = "used"


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture of the board.

    Attributes:
        path: the file.
        size: height and width; (0, 0) where it could not be read.
        corners: what was found of the board.
        verdict: "used", or why not.
        rms_px: reprojection error in pixels; NaN where the picture was not used.
    """

    path: Path
    size: Size
    corners: Corners
    verdict: str = USED
    rms_px: float = float("nan")

    @property
    def used(self) -> bool:
        """Whether the picture took part."""
        return self.verdict == USED


@dataclass(frozen=True, slots=True, eq=False)
class CameraReport:
    """What became of one camera's pictures.

    Attributes:
        shots: the pictures.
        fit: the camera.
        held_out_px: error of every lens model on pictures held back; empty where the user chose one.
        covered: share of the picture with corners in it.
    """

    shots: tuple[Shot, ...]
    fit: Fit
    held_out_px: dict[Lens, float]
    covered: float


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A calibrated rig.

    Attributes:
        rig: the rig, with facts.
        mono: the mono camera's pictures.
        color: the color camera's pictures.
        pairs: indices of the shots that made the pairs used.
        before_px: how far the same corner is from the same row in both pictures before, the color picture merely
            scaled to mono's size: median, mono pixels.
        after_px: how far it is from its epipolar line after calibration: median, mono pixels.
        advice: what would make it better.
    """

    rig: Rig
    mono: CameraReport
    color: CameraReport
    pairs: tuple[tuple[int, int], ...]
    before_px: float
    after_px: float
    advice: tuple[str, ...]


def calibrate(
    mono: Sequence[Path],
    color: Sequence[Path],
    pairs: Sequence[tuple[int, int]],
    board: Board,
    *,
    mono_lens: Lens | None = None,
    color_lens: Lens | None = None,
    on_picture: Callable[[Path, int], None] | None = None,
) -> Calibration:
    """Calibrate a rig.

    Args:
        mono: pictures of the board by the mono camera.
        color: pictures by the color camera.
        pairs: which of both were taken at the same time, as indices.
        board: the board.
        mono_lens: lens model of the mono camera; None chooses by the error on pictures held back.
        color_lens: the same for the color camera.
        on_picture: called after every picture with the number of corners found.

    Raises:
        InputError: too few pictures of one camera, or pairs, show the board.
    """
    points = board.points()
    shots = _shots(mono, "mono", board, on_picture), _shots(color, "color", board, on_picture)
    first = _camera(shots[0], "mono", points, mono_lens)
    second = _camera(shots[1], "color", points, color_lens)
    kept = [(a, b) for a, b in pairs if first.shots[a].used and second.shots[b].used]
    while True:
        both = [(first.shots[a].corners, second.shots[b].corners) for a, b in kept]
        stereo = extrinsics.fit(first.fit.camera, second.fit.camera, points, both)
        bad = _outliers(stereo.rms_px)
        if not bad.any() or len(kept) - bad.sum() < extrinsics.LEAST_PAIRS:
            break
        worst = int(np.argmax(stereo.rms_px))
        a, b = kept.pop(worst)
        why = f"does not fit its partner ({stereo.rms_px[worst]:.1f} px): did something move between the two?"
        first, second = _with_verdict(first, a, why), _with_verdict(second, b, why)
    before, after = _epipolar(stereo.rig, both)
    rig = replace(
        stereo.rig,
        facts={
            "board": str(board),
            "pairs": len(kept),
            "mono_pictures": sum(shot.used for shot in first.shots),
            "color_pictures": sum(shot.used for shot in second.shots),
            "mono_rms_px": _rms(first.fit),
            "color_rms_px": _rms(second.fit),
            "epipolar_px": after,
            "baseline_deviation_mm": float(1000 * np.linalg.norm(stereo.deviation[3:])),
        },
    )
    told = (*advice("mono", first), *advice("color", second))
    if len(kept) < 10:
        told += (f"{len(kept)} pairs tell how the cameras stand to each other; take 10 or more",)
    return Calibration(rig, first, second, tuple(kept), before, after, told)


def pair_up(mono: Sequence[Path], color: Sequence[Path]) -> tuple[list[tuple[int, int]], str]:
    """Which pictures belong together: those of the same name, else those of the same last number, else in order.

    Returns:
        Pairs of indices, and how they were found, for the user.

    Raises:
        UsageError: names say nothing and the folders hold different numbers of pictures.
    """
    for key, how in ((_stem, "the same name"), (_number, "the same number in the name")):
        names, others = [key(p) for p in mono], [key(p) for p in color]
        if len(set(names)) < len(names) or len(set(others)) < len(others) or "" in names + others:
            continue
        both = [(i, others.index(name)) for i, name in enumerate(names) if name in others]
        if len(both) >= max(1, min(len(mono), len(color)) // 2):
            return both, how
    if len(mono) == len(color):
        return [(i, i) for i in range(len(mono))], "the order of their names"
    raise UsageError(
        f"{len(mono)} mono and {len(color)} color pictures cannot be paired.",
        "Give pictures taken together the same name in both folders, or the same number.",
    )


def _stem(path: Path) -> str:
    return path.stem.lower()


def _number(path: Path) -> str:
    digits = "".join(c if c.isdigit() else " " for c in path.stem).split()
    return digits[-1].lstrip("0") or "0" if digits else ""


def _shots(
    files: Sequence[Path], role: Role, board: Board, on_picture: Callable[[Path, int], None] | None
) -> list[Shot]:
    shots = []
    for path in files:
        nothing = Corners(np.empty(0, np.intp), np.empty((0, 2)), 0.0)
        try:
            picture = gray(read(path, role))
        except DualcamError as error:
            shots.append(Shot(path, (0, 0), nothing, f"cannot be used: {error.cause}"))
        else:
            height, width = picture.shape
            shots.append(Shot(path, (height, width), find(board, picture)))
        if on_picture:
            on_picture(path, len(shots[-1].corners))
    return shots


def _camera(shots: Sequence[Shot], role: Role, board: NDArray[np.float64], lens: Lens | None) -> CameraReport:
    size = _common_size(shots)
    shots = [_looked_at(shot, size, board) for shot in shots]
    typical = float(np.median([shot.corners.blur_px for shot in shots if shot.used] or [0.0]))
    shots = [_sharp_enough(shot, typical) for shot in shots]
    used = [shot.corners for shot in shots if shot.used]
    if len(used) < intrinsics.LEAST_PICTURES:
        reasons = {shot.verdict for shot in shots if not shot.used}
        raise InputError(
            f"only {len(used)} of {len(shots)} pictures of the {role} camera show the board well enough "
            f"({'; '.join(sorted(reasons)) or 'that is all there are'}).",
            "Check --board against what is printed on the board, and take more pictures: sharp, bright, near enough.",
        )
    errors: dict[Lens, float] = {}
    if lens is None:
        lens, errors = intrinsics.choose(size, board, used)
    while True:
        indices = [i for i, shot in enumerate(shots) if shot.used]
        fit = intrinsics.fit(lens, size, board, [shots[i].corners for i in indices])
        bad = _outliers(fit.rms_px)
        if not bad.any() or len(indices) - bad.sum() < intrinsics.LEAST_PICTURES:
            break
        # One at a time: a bad picture makes its neighbors look bad, too.
        worst = int(np.argmax(fit.rms_px))
        why = f"outlier: its corners are off by {fit.rms_px[worst]:.1f} px"
        shots[indices[worst]] = replace(shots[indices[worst]], verdict=why)
    for i, rms in zip(indices, fit.rms_px, strict=True):
        shots[i] = replace(shots[i], rms_px=float(rms))
    return CameraReport(tuple(shots), fit, errors, coverage(size, [shots[i].corners for i in indices])[0])


def _common_size(shots: Sequence[Shot]) -> Size:
    sizes = [shot.size for shot in shots if shot.size != (0, 0)]
    return max(set(sizes), key=lambda size: (sizes.count(size), size)) if sizes else (0, 0)


def _looked_at(shot: Shot, size: Size, board: NDArray[np.float64]) -> Shot:
    count = len(shot.corners)
    verdict = shot.verdict
    if not shot.used:
        pass
    elif shot.size != size:
        verdict = f"another size: {shot.size[1]} x {shot.size[0]}, most have {size[1]} x {size[0]}"
    elif count == 0:
        verdict = "no board found"
    elif count < LEAST_CORNERS:
        verdict = f"too few corners: {count}"
    elif np.linalg.svd(_centered(board[shot.corners.numbers, :2]), compute_uv=False)[1] < 1e-9:
        verdict = "all corners on one line"
    return replace(shot, verdict=verdict)


def _centered(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points - points.mean(axis=0)


def _sharp_enough(shot: Shot, typical: float) -> Shot:
    blur = shot.corners.blur_px
    if shot.used and blur > max(_BLURRED_PX, _BLURRED * typical):
        return replace(shot, verdict=f"blurred: edges are {blur:.1f} px wide, in most pictures {typical:.1f}")
    return shot


def _outliers(rms_px: NDArray[np.float64]) -> NDArray[np.bool_]:
    return rms_px > max(_OUTLIER * float(np.median(rms_px)), _OUTLIER_PX)


def _with_verdict(report: CameraReport, index: int, verdict: str) -> CameraReport:
    shots = list(report.shots)
    shots[index] = replace(shots[index], verdict=verdict)
    return replace(report, shots=tuple(shots))


def _epipolar(rig: Rig, both: Sequence[tuple[Corners, Corners]]) -> tuple[float, float]:
    """Median distances between rows before, and between corner and epipolar line after, in mono pixels."""
    before, after = [], []
    grow = rig.mono.size[0] / rig.color.size[0]
    for first, second in both:
        _, i, j = np.intersect1d(first.numbers, second.numbers, return_indices=True)
        if len(i):
            before.append(np.abs(first.pixels[i, 1] - second.pixels[j, 1] * grow))
            after.append(np.abs(epipolar.residuals(rig, first.pixels[i], second.pixels[j]).across_px))
    if not before:
        raise InputError(
            "in no pair do both cameras see the same part of the board.",
            "Hold the board where the two pictures overlap.",
        )
    return float(np.median(np.concatenate(before))), float(np.median(np.concatenate(after)))


def _rms(fit: Fit) -> float:
    return float(np.sqrt(np.mean(fit.rms_px**2)))


__all__ = ["LENSES", "USED", "Calibration", "CameraReport", "Shot", "calibrate", "pair_up"]
