"""What five frameworks draw by default is what the book says, by the versions that are installed here."""

import json

import pytest
from defaults import ROWS, STORED, misfit, versions

NAMES = [f"{row.framework} {row.layer} {row.parameter}" for row in ROWS]
SAID = ("framework", "layer", "parameter", "family", "formula", "sizes")


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_layer_draws_what_its_row_says(row):
    assert misfit(row) == ""


def test_the_stored_table_has_these_rows_and_versions():
    stored = json.loads(STORED.read_text())
    assert [{key: row[key] for key in SAID} for row in stored["rows"]] == [
        {key: getattr(row, key) for key in SAID} for row in ROWS
    ]
    assert stored["versions"] == versions()
