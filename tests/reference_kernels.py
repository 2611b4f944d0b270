"""A pytest plugin: stored outputs are compared in full on the reference kernels, elsewhere without digits.

What nets learn is the same to the bit only on the kernels that the Makefile pins. On others every cell still
runs and every assertion must hold; outputs that differ in digits alone pass, and the last lines count them.
"""

import re
from collections import Counter

import pytest

# The largest change of a figure (tests/book/test_figures.py) that is not an error. Between kernels curves of
# trained nets move: by up to 0.289 between Haswell, Sandybridge and Nehalem.
FIGURE_LIMITS = {"reference": 0.05, "other": 0.35}
NUMBER = re.compile(r"[-+\u2212]?\d[\d.,]*(e[-+]?\d+)?")
PROPERTY = "stored output"


def loaded() -> tuple[str, bool]:
    """Return the kernels that compute here, in words, and whether they are those of the stored outputs."""
    import scipy.linalg  # noqa: F401 (brings its own BLAS)
    from numpy._core._multiarray_umath import __cpu_features__ as features
    from threadpoolctl import threadpool_info

    blas = sorted(
        {i.get("architecture", i["internal_api"]) for i in threadpool_info() if i["user_api"] == "blas"}
    )
    simd = [name for name in ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR") if features.get(name)]
    words = f"BLAS {'+'.join(blas) or 'unknown'}, numpy {'+'.join(simd) or 'without x86 SIMD'}"
    return words, (blas, simd) == (["Haswell"], ["X86_V3"])


def figure_limit() -> float:
    """Return how much a figure may change here."""
    return FIGURE_LIMITS["reference" if loaded()[1] else "other"]


def without_digits(text: str) -> str:
    """Return the text with # for every number, and one blank for the blanks that align them.

    >>> without_digits("test  80 %, 1.5e-3")
    'test # %, #'
    """
    return re.sub(r"[ \n]+", " ", NUMBER.sub("#", text))


def compare_leniently(compare):
    """Return a comparison of nbval's that notes what it compared, and lets digits differ."""

    def compare_outputs(self, test, ref, skip_compare=None):
        equal = compare(self, test, ref, skip_compare)
        agrees = equal
        if not equal:
            sanitize = self.sanitize
            self.sanitize = lambda text: without_digits(sanitize(text)) if isinstance(text, str) else text
            agrees = compare(self, test, ref, skip_compare)
        if test or ref:
            kind = "in full" if equal else "without digits" if agrees else "differs"
            self.user_properties.append((PROPERTY, kind))
        return agrees

    return compare_outputs


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "nbval", False) and not loaded()[1]:
        from nbval.plugin import IPyNbCell

        IPyNbCell.compare_outputs = compare_leniently(IPyNbCell.compare_outputs)


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if not getattr(config.option, "nbval", False):
        return
    kernels, reference = loaded()
    if reference:
        terminalreporter.write_line(f"Kernels: {kernels}, those of the stored outputs: all compared in full.")
        return
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())]
    counts = Counter(value for r in reports for name, value in r.user_properties if name == PROPERTY)
    terminalreporter.write_line(
        f"Kernels: {kernels}, not those of the stored outputs. Outputs of {counts.total()} cells compared: "
        f"{counts['in full']} equal, {counts['without digits']} but for digits, {counts['differs']} not; "
        f"figures may differ by {FIGURE_LIMITS['other']} in place of {FIGURE_LIMITS['reference']}."
    )
