"""The doctor's command line without PyTorch: arguments, and what it says when it cannot examine."""

import pytest

from initlib.diagnosis import command


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["my:model"],
        ["my:model", "--input", "3", "--batch", "my:batch"],
        ["my:model", "--input", "3", "--fail-on", "no"],
    ],
)
def test_arguments_that_do_not_go_together_are_refused_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_help_says_what_the_exit_codes_mean(capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])
    assert stop.value.code == 0
    assert "0 clean, 1 findings, 2 not examined" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["no.such.module:make", "math:no_such_name", "math"])
def test_a_model_that_is_not_there_is_code_2_and_one_line(path, capsys):
    assert command.main([path, "--input", "3"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Not examined:")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("text", ["sgd", "sgd:fast", "0.1"])
def test_a_rate_without_an_optimizer_is_named(text):
    with pytest.raises(ValueError, match=r"like sgd:0\.1"):
        command._rate(text)


@pytest.mark.parametrize("text", ["", "3,x", "0,3", "-1"])
def test_sizes_are_positive_integers(text):
    with pytest.raises(ValueError, match="positive integers"):
        command._sizes("--input", text)
