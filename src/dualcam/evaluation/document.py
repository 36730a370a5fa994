"""The benchmark's page in Markdown: what was measured and how to measure it again, then the tables."""

from __future__ import annotations

from dualcam.evaluation import protocol
from dualcam.evaluation.headline import headline
from dualcam.evaluation.results import Results
from dualcam.evaluation.summary import groups
from dualcam.evaluation.table import tables

_INTRODUCTION = """\
<!-- Made by `dualcam evaluate --markdown` (`make benchmark`). Do not edit: make it anew. -->

# Benchmark

Clean stereo pairs become dark dual-camera captures, methods get the files of a capture and nothing else, and what
they make of them is scored against the clean view of the mono camera. Every number below was made by one command:

```
make benchmark DATA=folder
```

on a folder of pairs (`left.png`, `right.png`, and `disp_left.png` where the true disparity is known). It goes on
where it was stopped, and gives the same scores each time.

To see where your own method stands, whatever it is written in:

1. `dualcam evaluate DATA --out run --methods gray` leaves the captures as files in `run/captures`,
   a folder `<scene>/<level>x<scale>` each. Give your method `mono.png` and `color.png` (or `color.dng`), nothing else.
2. Save what it makes as `FOLDER/<scene>/<level>x<scale>-file.png` (or `-raw.png`), in the mono camera's view and size;
   a confidence may lie beside it as `<level>x<scale>-file-confidence.png`, 16-bit gray.
3. `dualcam evaluate DATA --out run --outputs NAME=FOLDER --markdown mine.md`.
"""

_READING = """\
## How to read the tables

- **PSNR** (dB, RGB, 8-bit sRGB), **SSIM** (Gaussian window, mean of the channels), **ΔE00** (CIEDE2000, mean and 95th
  percentile) and **LPIPS** (AlexNet) compare the output with the truth.
- **visible** and **occluded** restrict them to pixels that the color camera saw, and to those that it did not, where a
  true disparity is known.
- **misregistration** is how far, in pixels, edges of color lie beside edges of brightness.
- **confidence error** is the calibration error of a method's own confidence, and **AUSE** the area between its
  sparsification curve and the one of perfect confidence.
- **beats** and **best** count scenes, by PSNR / by ΔE00: scenes on which a method is better than ours, and on which no
  other method is better than it.
- **refused** counts captures that a method would not work on. It is then scored as the mono picture in gray, which is
  what its user is left with.
- The best number of a column is bold. Means over fewer scenes than the others' say so, are never bold, and stand beside
  the others once more over the scenes that every method ran on. A small number in parentheses says on how many scenes
  a score could be measured, where these are fewer than for other methods.
- A method that is shown the true disparity is no rival, and never bold: it tells what perfect alignment gives to an
  otherwise simple method. A better denoiser can be better than that.
"""


def document(results: Results) -> str:
    """Write the whole page.

    Args:
        results: of one run.

    Returns:
        Markdown text; it depends on the results alone.
    """
    parts = [
        _INTRODUCTION,
        headline(results),
        _conditions(results),
        _READING,
        _methods(results),
        tables(results),
    ]
    return "\n".join(part for part in parts if part)


def _conditions(results: Results) -> str:
    found = groups(results)
    scenes = sorted({scene for group in found for scene in group.scenes})
    known = {row.case.scene for row in results.rows if "psnr_visible" in row.scores}
    packages = ", ".join(
        f"{name} {version}" for name, version in results.config["packages"].items() if version
    )
    lines = [
        "## What was measured",
        "",
        f"- {len(scenes)} scenes, {len(known)} of them with a true disparity: {', '.join(scenes)}.",
        f"- {len(results.methods)} methods on {len({row.case for row in results.rows})} captures: {len(results.rows)} "
        "outputs.",
    ]
    for name in dict.fromkeys(group.condition.level for group in found):
        if name in protocol.LEVELS:
            light = protocol.LEVELS[name]
            lines.append(
                f"- **{name}**: white gives {light.electrons:g} electrons in a mono pixel; the color camera gets "
                f"{light.exposure_ratio:g} times less light."
            )
    lines += [
        "- **scale** is the number of mono pixels per color pixel in each direction.",
        "- **file track**: color is the 8-bit sRGB picture of an edge-aware demosaic.",
        "- **raw track**: color is the 12-bit mosaic of the same exposure, in a DNG.",
        f"- Computed with {packages}.",
    ]
    return "\n".join(lines) + "\n"


def _methods(results: Results) -> str:
    lines = ["## Methods", "", "| name | method | source |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {facts['title']} | {facts.get('source', '')} |"
        for name, facts in results.config["methods"].items()
    ]
    return "\n".join(lines) + "\n"
