"""What one frame of a video hands on to the next: placement, exposure and flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dualcam.frame import Frame, Placement, Size, Tone
from dualcam.rig.matching import Flows

# Share of the old exposure in the new one: light changes slowly, estimates of it jump with the noise.
_CALM = 0.8
# A jump of more than this factor is a change of the light or of the shutter, not noise.
_JUMP = 1.3
# The rig has moved where both directions of the flow agree on less than this share of what they agreed on at first.
_LOST = 0.7


@dataclass(slots=True, eq=False)
class Past:
    """What is known from the frames before; empty before the first."""

    _sizes: tuple[Size, Size] | None = None
    _placement: Placement | None = None
    _tone: Tone | None = None
    _flows: Flows | None = None
    _agreed: float = 0.0

    def placement(self, mono: Frame, color: Frame) -> Placement | None:
        """The placement of the frame before, unless the pictures have other sizes now."""
        sizes = mono.pixels.shape[:2], color.pixels.shape[:2]
        if sizes != self._sizes:
            self.forget()
            self._sizes = sizes
        return self._placement

    def flows(self) -> Flows | None:
        """The flow of the frame before."""
        return self._flows

    def calmed(self, tone: Tone) -> Tone:
        """The exposure of this frame, held to that of the frame before where it is no other one."""
        old = self._tone
        if old is not None and old.gain > 0 and 1 / _JUMP < tone.gain / old.gain < _JUMP:
            tone = replace(
                tone, gain=float(old.gain**_CALM * tone.gain ** (1 - _CALM)), exponent=old.exponent
            )
        self._tone = tone
        return tone

    def lost(self, agreed: float) -> bool:
        """Whether a match that started from the past agrees with itself so badly that the past has to be forgotten."""
        return self._placement is not None and agreed < _LOST * self._agreed

    def keep(self, placement: Placement, flows: Flows, agreed: float) -> None:
        """Take note of what this frame found."""
        if self._placement is None:
            self._agreed = agreed
        self._placement, self._flows = placement, flows

    def forget(self) -> None:
        """Begin anew."""
        self._sizes = self._placement = self._tone = self._flows = None
        self._agreed = 0.0
