"""How near do unrelated pictures come to being placed? Random wrong combinations of mono and color.

    python benchmarks/unrelated_pairs.py DIR [DIR ...] [--pairs 70] [--seed 5]

Below every DIR, each folder with ``mono.*`` and ``color.*`` is a true pair. Mono pictures are combined with color
pictures of other scenes (other grandparent or other name), and placed. Printed: how many were placed (should be
none), the largest share of feature matches that agreed on one similarity, and the highest correlation score among
those that features did not settle; the limits in ``dualcam.rig.place`` have to lie above. With ``--true`` the same
for the true pairs, which have to come out on the other side of one of the two limits.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from dualcam.errors import PlacementError
from dualcam.files.read import read
from dualcam.rig import place as placing
from dualcam.rig.features import match_pictures
from dualcam.rig.structure import correlate


def folders(roots):
    return sorted({p.parent for root in roots for p in root.rglob("mono.*")})


def related(a, b):
    """Two folders that may show the same place: one name, one series (names equal but for digits and a last letter)."""

    def series(folder):
        return folder.name.rstrip("LP").rstrip("0123456789_.")

    same = series(a) == series(b)
    return a.name == b.name or (same and (series(a) != "" or a.parent == b.parent))


def evidence(mono, color):
    matches = match_pictures(mono.pixels, color.pixels)
    _, agrees = placing._similarity(matches, color)
    count = int(agrees.sum())
    return count, count / max(1, len(matches)), correlate(mono.pixels, color.pixels).score


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=70)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--true", action="store_true", help="look at the true pairs instead")
    options = parser.parse_args()
    known = folders(options.roots)
    rng = random.Random(options.seed)
    if options.true:
        combinations = [(f, f) for f in known]
    else:
        drawn = (rng.sample(known, 2) for _ in range(100 * options.pairs))
        combinations = [(a, b) for a, b in drawn if not related(a, b)][: options.pairs]
    rows = []
    for a, b in combinations:
        mono = read(next(a.glob("mono.*")), "mono")
        color = read(next(b.glob("color.*")), "color")
        try:
            found = placing.place(mono, color)
            print(
                f"placed by {found.method}: {a.name} with {b.name}, quality {found.quality:.2f}", flush=True
            )
            placed = True
        except PlacementError:
            placed = False
        rows.append((placed, *evidence(mono, color)))
    shares, scores = [r[2] for r in rows], [r[3] for r in rows]
    print(f"{sum(r[0] for r in rows)} of {len(rows)} placed")
    print(f"share of matches that agree: {min(shares):.3f} to {max(shares):.3f} (limit {placing._MIN_SHARE})")
    print(
        f"matches that agree: {min(r[1] for r in rows)} to {max(r[1] for r in rows)} (limit {placing._MIN_MATCHES})"
    )
    print(f"correlation score: {min(scores):.0f} to {max(scores):.0f} (limit {placing._MIN_SCORE:.0f})")


if __name__ == "__main__":
    main()
