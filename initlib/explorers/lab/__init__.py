"""The lab: two arms of real networks, trained in the reader's browser."""

from initlib.explorers.lab.lab import Lab, lab

__all__ = ["Lab", "lab"]
