"""PyTorch itself, for whoever asks whether it is there and what it can do."""

from __future__ import annotations

import torch

__all__ = ["torch"]
