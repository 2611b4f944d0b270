"""PyTorch for the doctor: the only folder of initlib that imports torch, and only when it is asked to."""
