"""One module for each claim or published result: its protocol, frozen, and what it measures.

To add one, write `initlib/experiments/my_claim.py` with a `PROTOCOL` of the name "my-claim":

1. Try it on seeds below 100. Set the thresholds, the tables from outcomes to verdicts (one for the claim as a
   rule for every net, one for the claim as it is told), the grounds (SGD and Adam where nets learn), the
   number of seeds (`evidence.seeds_for_equivalence` where "no difference" is to be shown), and the tolerances
   for running cells again, measured between two BLAS kernels (OPENBLAS_CORETYPE=Haswell asks for one of them,
   as the Makefile does, with NPY_DISABLE_CPU_FEATURES for numpy's own loops).
2. `make evidence NAME=my-claim PILOT=1` writes down what those seeds say, to be seen beside the result.
   Commit both. From here on thresholds, seeds and code stay as they are.
3. `make evidence NAME=my-claim`, and commit the archive, whatever it says. An archive that is replaced,
   because its protocol was wrong, moves to `book/evidence/first-runs/`, and the chapter says what was wrong.

The tests find both by themselves. Comments and docstrings may change later; a change of code makes the
archive stale and asks for a new run, on new seeds if the change was made knowing the result.
"""

from initlib.evidence.registry import get, names

__all__ = ["get", "names"]
