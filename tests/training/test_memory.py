import subprocess
import sys

import pytest

pytest.importorskip("torch")

# In a process of its own: what is asked of the allocator stays until the process ends.
PROGRAM = """
import resource, torch
from dualcam.training import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        torch.zeros(2_000_000).add_(1)  # 8 MB, 2000 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

assert memory.keep_freed()
faults()
print(faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the GNU C library only")
def test_large_blocks_come_back_without_page_faults():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000  # fresh pages every time would be 100 000
