"""Model cards: what a network is for, what it learned from, where it ends, how well it does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dualcam.neural.manifest import Entry, Int8, Int8InOne, Scores

_DOES = MappingProxyType(
    {
        "refec": (
            "refEC",
            "brings the color camera's dark picture to the mono camera's brightness without its noise and the traces "
            "of its color filter mosaic, in the color camera's own view. The exposure itself is measured, not learned; "
            "the network predicts what to add to the brightened picture, guided by the mono picture where the match "
            "can be trusted. It takes demosaiced files and raw mosaics.",
        ),
        "refcolor": (
            "refColor",
            "turns the color that optical flow found for every pixel of the mono view into the color that belongs "
            "there: it repairs wrong matches, repaints what only the mono camera saw, and says how sure it is (the "
            "probability that a color is within 5 CIEDE2000 of the truth).",
        ),
        "refsr": (
            "refSR",
            "brings that color to the mono camera's full resolution, removes the mono picture's noise, and corrects "
            "the confidence by what only shows there.",
        ),
    }
)

_SIMULATED = """\
Captures were simulated from these pictures: light, lenses, sensors, files and parallax, see `docs/simulator.md`. The
public test scenes of the NIGHT benchmark are not among them."""
_ADAPTED = """\
The network learned on from another one, named among the settings in the manifest, with the owner's pictures made
darker, see `docs/recipes/adapt.md`. It is for the rig that took them. The scores are of pairs held back: PSNR of the
whole result against the result of the picture as shot, with the weights before and after."""
ADAPTED = "adapt"
"""The stage of a network that an owner's pictures have changed."""

_TEMPLATE = """# {title}

One of the three networks of dualcam. It {does}

| | |
|---|---|
| file | `{file}`, {size:.2f} MB, ONNX, computed in float32 |
| SHA-256 | `{sha256}` |
{int8}| parameters | {parameters:,} |
| cost | {multiply_adds:,} multiply-adds per input pixel |
| input | `planes` (1, {planes}, H, W): {names} |
| sizes | H and W multiples of {multiple}; an output pixel depends on {halo} pixels around it |
| training run | `{run}`, stage {stage}, {step:,} steps, seed {seed}, exported {date} |

## Intended use

Photographs of one scene by a monochrome and a color camera side by side, taken at the same time; the color picture
darker, noisier and often smaller. Inputs are prepared by dualcam (`neural/features.py`); other planes have no meaning.

Not for evidence, medicine or measurement: the color of a pixel that the color camera did not see is a guess. The
provenance and confidence maps say where.

## Training data

{data}

{made}

## Limits

- Scenes and cameras unlike those simulated: near-infrared mono pictures beyond a moderate leak, motion between the two
  exposures, very wide lenses, parallax over a fifth of the width.
- Surfaces of different color that mono sees equally bright, where the match fails: the color may come from a neighbor.
- Far beyond the color camera's view color fades to gray by rule, and confidence with it.
- Fewer than about ten electrons in a white color pixel: little color is left to recover.
- Pictures hold the biases of their sources: mostly daylight scenes of Europe, North America and East Asia.

## Scores

{scores}
"""


def card(name: str, entry: Entry) -> str:
    """The model card of a network, Markdown.

    Args:
        name: "refec", "refcolor" or "refsr".
        entry: its entry in the manifest.
    """
    title, does = _DOES[name]
    return _TEMPLATE.format(
        title=title,
        does=does,
        file=entry.file,
        size=entry.bytes / 1e6,
        sha256=entry.sha256,
        int8=_int8(entry.int8) if entry.int8 else "",
        parameters=entry.parameters,
        multiply_adds=entry.multiply_adds,
        planes=len(entry.planes),
        names=", ".join(entry.planes),
        multiple=entry.multiple,
        halo=entry.halo,
        run=entry.run.name,
        stage=entry.run.stage,
        step=entry.run.step,
        seed=entry.run.seed,
        date=entry.run.date,
        made=_ADAPTED if entry.run.stage == ADAPTED else _SIMULATED,
        data="\n".join(f"- {row.name}: {row.license}" for row in entry.run.data) or "Not recorded.",
        scores=_table(entry.run.scores) or "Not recorded.",
    )


def _int8(int8: Int8 | Int8InOne) -> str:
    files = ", ".join(f"`{one.file}`" for one in int8.files)
    size = sum(one.bytes for one in int8.files) / 1e6
    kind = ("coarsest scale in 8 bits", "") if isinstance(int8, Int8InOne) else ("in 8 bits", " together")
    return (
        f"| {kind[0]} | {files}, {size:.2f} MB{kind[1]}; what it adds differs by {int8.error:.2g} (display, root mean "
        f"square on training samples) |\n"
    )


def _table(scores: Scores) -> str:
    names = list(dict.fromkeys(name for row in scores.values() for name in row))
    if not names:
        return ""
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    return "\n".join(
        [*lines, *(f"| {level} | {' | '.join(_cells(row, names))} |" for level, row in scores.items())]
    )


def _cells(row: Mapping[str, float], names: list[str]) -> list[str]:
    return [f"{row[name]:.4g}" if name in row else "" for name in names]
