"""What the benchmarks share: sections of RESULTS.md that leave each other alone, and timing in turns."""

from benchmarks import results


def test_a_benchmark_rewrites_its_own_section_only(tmp_path, capsys):
    path = tmp_path / "RESULTS.md"
    results.write_section("Training", "seconds", path)
    results.write_section("Initializers", "old", path)
    results.write_section("Initializers", "new\n\n| a |", path)
    assert (
        path.read_text() == f"{results.HEADER}\n## Initializers\n\nnew\n\n| a |\n\n## Training\n\nseconds\n"
    )
    assert capsys.readouterr().out.endswith("## Initializers\n\nnew\n\n| a |\n")


def test_works_are_timed_in_turns_after_calls_that_are_not_timed():
    calls = []
    works = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    times = results.times_in_turns(works, seconds=0, least=3)
    assert calls == ["a", "b"] * 4
    results.times_in_turns(works, seconds=0, least=2, warm=True)
    assert calls[8:] == ["a", "b"] + ["a", "a", "b", "b"] * 2
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}


def test_a_table_is_markdown():
    assert results.table(["x", "y"], [["1", "2"]]) == "| x | y |\n| --- | ---: |\n| 1 | 2 |"


def test_conditions_name_date_cores_and_versions():
    text = results.conditions("numpy")
    assert "cores of" in text
    assert "numpy 2." in text
