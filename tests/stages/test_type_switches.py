"""`dvc exp run -S` switches a type by one word, with the real DVC."""

from __future__ import annotations

import json
import re
from pathlib import Path

import lab
import pytest

# (what is switched, the stages that run, what the run says of it)
SWITCHES = [
    (
        "model.head.type=none",
        ["train", "evaluate"],
        "model.head.hidden_size 16 is an option of bilstm, and does nothing",
    ),
    ("model.head.type=transformer", ["train", "evaluate"], "so by default: model.head.num_heads"),
    ("model.backbone.type=vgg", ["train", "evaluate"], "resnet_tiny is an option of resnet, and does nothing with vgg"),
    (
        "augmentation.transforms.0.type=elastic",
        ["train", "evaluate"],
        "transforms.0.std 0.05 is an option of gaussian_noise",
    ),
    ("evaluation.decoding.type=beam", ["evaluate"], "so by default: evaluation.decoding.beam_size 16"),
]


@pytest.mark.parametrize(("switch", "stages", "says"), SWITCHES, ids=[switch for switch, *_ in SWITCHES])
def test_one_word_switches_a_type(finished: Path, run: lab.Shell, switch: str, stages: list[str], says: str) -> None:
    done = run("dvc", "exp", "run", "-S", switch, cwd=finished)
    assert re.findall(r"^Running stage '(\w+)'", done.stdout, flags=re.MULTILINE) == stages
    assert says in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert "cer" in json.loads((finished / "metrics.json").read_text())


@pytest.mark.long
def test_a_search_is_switched_off_and_on_again(finished: Path, run: lab.Shell) -> None:
    """Also where it asks a language model that is a file, which is a dependency of the stage."""
    run("thulium", "lm", "--output", "models/own.arpa", cwd=finished)
    search = (
        "type: beam\n    language_model: models/own.arpa\n    beam_size: 4\n    order: 3\n    alpha: 0.5\n    beta: 1.0"
    )
    lab.edit(finished / "params.yaml", "type: greedy", search)
    run("thulium", "compile", cwd=finished)
    run("dvc", "repro", cwd=finished)
    run("git", "add", "--all", "--force", "models", cwd=finished)
    lab.commit(finished, run)
    done = run("dvc", "exp", "run", "-S", "evaluation.decoding.type=greedy", cwd=finished)
    assert (
        "evaluation.decoding.alpha 0.5 is an option of beam, and does nothing with greedy" in done.stderr + done.stdout
    )
    assert "greedy" in (finished / "reports" / "evaluation.html").read_text()
    assert "of greedy reading" not in done.stderr + done.stdout
    done = run("dvc", "exp", "run", "-S", "evaluation.decoding.type=beam", cwd=finished)
    assert re.findall(r"^Running stage '(\w+)'", done.stdout, flags=re.MULTILINE) == ["evaluate"]
    assert "\nread by beam 16, models/own.arpa, alpha " in done.stderr + done.stdout
