"""Commands here run with the checkout's own code, whichever copy is installed."""

from __future__ import annotations

import lab
import pytest


@pytest.fixture(scope="session")
def run(environment: dict[str, str]) -> lab.Shell:
    """Runs a command: run("thulium", "validate", cwd=folder, code=2)."""
    return lab.Shell({**environment, "PYTHONPATH": str(lab.CHECKOUT)})
