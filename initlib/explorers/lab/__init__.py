"""The lab: two arms of real networks, trained in the reader's browser."""
