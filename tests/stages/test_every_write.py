"""A command that dies before, in or after any of its writes, and is run again, ends as if it never had.

The whole of it is what `make kills` does, too.
"""

from __future__ import annotations

import subprocess
import sys

import lab
import pytest
from deaths.scenarios import EXCHANGED, IN_A_FOLDER, IN_A_PROJECT, OF_SEVERAL, PRETRAINED, SCENARIOS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SHARE = 0.02  # of the deaths, where there is no time for all


def kill(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deaths", *arguments],
        cwd=lab.CHECKOUT,
        env=environment | {"PYTHONPATH": str(lab.CHECKOUT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenarios",
    [
        pytest.param(IN_A_PROJECT, id="project"),
        pytest.param(IN_A_FOLDER, id="folder", marks=pytest.mark.long),
        pytest.param(OF_SEVERAL, id="folds and seeds", marks=pytest.mark.long),
        pytest.param(PRETRAINED, id="pretrained", marks=pytest.mark.long),
        pytest.param(EXCHANGED, id="exchanged", marks=pytest.mark.long),
    ],
)
def test_commands_survive_some_deaths(scenarios: dict[str, object], environment: dict[str, str]) -> None:
    kill(environment, *scenarios, "--share", str(SHARE))


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_command_survives_a_death_at_every_write(scenario: str, environment: dict[str, str]) -> None:
    kill(environment, scenario)
