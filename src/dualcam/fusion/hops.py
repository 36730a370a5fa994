"""The eight hops by name, and what is noted of each: seconds and facts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dualcam import memory
from dualcam.frame import Fact, Hop

HOPS = ("read", "place", "measure", "match", "refEC", "refColor", "refSR", "render")


class Log:
    """Times the hops and collects their facts.

    Args:
        on_hop: called after every hop.
    """

    def __init__(self, on_hop: Callable[[Hop], None] | None = None) -> None:
        self.hops: list[Hop] = []
        self._on_hop = on_hop

    @contextmanager
    def hop(self, name: str) -> Iterator[dict[str, Fact]]:
        """Time what is done within; facts may be added to what it gives."""
        facts: dict[str, Fact] = {}
        started = time.perf_counter()
        yield facts
        memory.give_back()
        self.hops.append(Hop(name, time.perf_counter() - started, facts))
        if self._on_hop:
            self._on_hop(self.hops[-1])
