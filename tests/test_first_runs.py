"""What was run before a protocol was changed stays in the repository, as it came out then."""

import pytest

from initlib import evidence, experiments
from initlib.evidence import archives

KEPT = sorted(path.stem for path in (evidence.folder() / "first-runs").glob("*.json"))


@pytest.mark.parametrize("name", KEPT)
def test_an_earlier_run_is_whole_and_used_other_seeds(name):
    earlier = evidence.first_run(name)
    assert earlier["digest"] == archives.rows_digest(earlier["parts"])
    experiment = name.removesuffix("-second")
    now = archives.read(experiment)
    assert experiment in experiments.names()
    for part in earlier["parts"].keys() & now["parts"].keys():
        seeds = [{row["seed"] for row in content["parts"][part]} for content in (earlier, now)]
        assert not seeds[0] & seeds[1], part


def test_what_was_not_kept_is_said():
    with pytest.raises(ValueError, match="elsewhere-sigmoid"):
        evidence.first_run("elsewhere-sigmoid")
