"""The doctor's command line on PyTorch models: reports, JSON and exit codes, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MODELS = """
import torch
from torch import nn

def good():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

def bad():
    net = good()
    for p in net.parameters():
        nn.init.zeros_(p)
    return net

def middling():
    return nn.Sequential(good(), nn.Tanh())

def batch():
    return torch.randn(32, 64), torch.randint(0, 10, (32,))

class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(30, 32), nn.Linear(32, 30)
        self.rnn = nn.LSTM(32, 32, batch_first=True)
    def forward(self, x):
        return self.head(self.rnn(self.embedding(x))[0])
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "mine.py").write_text(MODELS)
    root = str(Path(__file__).parents[2])

    def call(*arguments):
        environment = {**os.environ, "PYTHONPATH": root}
        command = [sys.executable, "-m", "initlib.diagnosis", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
        )

    return call


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["mine:good", "--input", "64", "--classes", "10"], 0),
        (["mine:bad", "--input", "64", "--classes", "10"], 1),
        (["mine:bad", "--input", "64", "--classes", "10", "--fail-on", "never"], 0),
        (["mine:middling", "--batch", "mine:batch"], 0),
        (["mine:middling", "--batch", "mine:batch", "--fail-on", "warning"], 1),
        (["mine:good", "--input", "63"], 2),
        (["mine:good", "--batch", "mine:batch", "--loss", "hinge"], 2),
    ],
)
def test_exit_codes(run, arguments, code):
    done = run(*arguments)
    assert done.returncode == code, done
    assert done.stdout if code < 2 else done.stderr.startswith("Not examined:")


def test_json_can_be_read_by_a_program(run):
    done = run("mine:bad", "--batch", "mine:batch", "--lr", "adam:0.001", "--json", "--thorough")
    report = json.loads(done.stdout)
    assert report["schema"] == 1
    assert report["findings"][0]["code"] == "identical-units"


def test_random_inputs_are_said_to_be_random(run):
    assert "the inputs were drawn at random" in run("mine:Language", "--tokens", "30,16").stdout
    assert "drawn at random" not in run("mine:good", "--batch", "mine:batch").stdout
