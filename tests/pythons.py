"""The tests of the language on each supported Python that is there, with the base package and nothing of the engine.

    python tests/pythons.py [VERSION ...]

Each has an environment of its own below .pythons/, made when it is first needed. The tests on the Python that the
engine is developed with are those of `make test`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.10", "3.12", "3.13")
TOOLS = ("hypothesis>=6.100", "pytest>=8")
ROOMS = ("tests/language", "tests/template")


def interpreter(version: str) -> str | None:
    """The command of a Python: one on the PATH that runs, or the newest that pyenv has."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = sorted(pyenv.glob(f"versions/{version}.*/bin/python"), key=lambda path: path.stat().st_mtime)
    found = [shutil.which(f"python{version}"), *map(str, reversed(installed))]
    return next((command for command in found if command and says(command) == version), None)


def says(command: str) -> str:
    """The version that a command is, without its last number; empty where it does not run, as pyenv's shims may not."""
    words = [command, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


def environment(version: str, command: str) -> Path:
    """The interpreter of an environment with the base package, made anew where pyproject.toml is newer."""
    folder = CHECKOUT / ".pythons" / version
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = CHECKOUT / "pyproject.toml"
    if not stamp.exists() or stamp.stat().st_mtime < wanted.stat().st_mtime:
        subprocess.run([command, "-m", "venv", "--clear", folder], check=True)
        words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", str(CHECKOUT), *TOOLS]
        subprocess.run([python, *words], check=True)
        stamp.touch()
    return python


def main(versions: tuple[str, ...]) -> int:
    """Run the tests on each; how many failed."""
    outcomes = {}
    for version in versions:
        command = interpreter(version)
        if command is None:
            outcomes[version] = "skipped: there is no such Python here"
            continue
        print(f"Python {version}: {command}", flush=True)
        python, start = environment(version, command), time.monotonic()
        done = subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *ROOMS], cwd=CHECKOUT)
        outcomes[version] = f"{'failed' if done.returncode else 'passed'} in {time.monotonic() - start:.0f} s"
    for version, outcome in outcomes.items():
        print(f"Python {version}: {outcome}")
    return sum(outcome.startswith("failed") for outcome in outcomes.values())


if __name__ == "__main__":
    sys.exit(min(1, main(tuple(sys.argv[1:]) or VERSIONS)))
