"""What all tests share: the flag that renews golden pictures, and a process that stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest
from hypothesis import settings

# The suite shares its machine; results do not depend on the number of threads.
cv2.setNumThreads(1)
# The same examples on every machine; search further with --hypothesis-profile=default.
settings.register_profile("dualcam", derandomize=True, deadline=None, database=None)
settings.load_profile("dualcam")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden pictures in tests/golden and tests/api.json anew instead of comparing with them",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True, scope="session")
def usual_memory() -> Iterator[None]:
    """Programs ask the allocator to keep what is freed, for as long as the process lives; not the tests' process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("dualcam.training.memory.keep_freed", "dualcam.memory.reuse"):
            patch.setattr(name, lambda: False)
        yield
