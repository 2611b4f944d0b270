import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
