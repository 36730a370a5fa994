import resource
import sys

import pytest

pytest.importorskip("torch")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the GNU C library only")
def test_large_blocks_come_back_without_page_faults():
    import torch

    from dualcam.training import memory

    assert memory.keep_freed()

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(50):
            torch.zeros(2_000_000).add_(1)  # 8 MB, 2000 pages
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert faults() < 20_000  # fresh pages every time would be 100 000
