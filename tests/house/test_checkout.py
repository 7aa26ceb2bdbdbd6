"""The repository is itself a DVC project, and works as one in a clone."""

import ast
import json
import shutil
from pathlib import Path

import lab
import pytest
import yaml

from thulium_dsl.pipeline import stages

NAMES = {stage.name for stage in stages.STAGES}

# What only says things, stops things or is where names are defined does not change what a stage yields.
NEUTRAL = {
    f"thulium/runtime/{name}.py"
    for name in ("progress", "errors", "faults", "files", "pointers", "documents", "signals", "unfinished")
}

# Asked for by people who write a script, never by a stage.
LATE = {"thulium/ingest/texts.py"}


@pytest.fixture
def clone(tmp_path: Path, run: lab.Shell) -> Path:
    """What git has of the checkout, as it stands in the working tree."""
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=lab.CHECKOUT).stdout
    for name in filter(None, names.split("\0")):
        if (lab.CHECKOUT / name).is_file():
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(lab.CHECKOUT / name, tmp_path / "clone" / name)
    run("git", "init", "--quiet", cwd=tmp_path / "clone")
    return tmp_path / "clone"


def test_dvc_knows_the_demo_and_would_run_it(clone: Path, run: lab.Shell) -> None:
    assert set(json.loads(run("dvc", "status", "--json", cwd=clone).stdout)) == NAMES
    assert "prepare" in run("dvc", "repro", "--dry", "prepare", cwd=clone).stdout
    run("thulium", "compile", "--check", cwd=clone)


def test_every_import_of_a_stage_is_a_dependency_of_it(clone: Path) -> None:
    compiled = yaml.safe_load((clone / "dvc.yaml").read_text())["stages"]
    for name in NAMES:
        deps = [dep for dep in compiled[name]["deps"] if dep.startswith("thulium")]
        assert all((clone / dep).exists() for dep in deps)
        for module in _imports(clone, f"thulium/stages/{name}.py", set()):
            if module not in NEUTRAL:
                assert any(module == dep or module.startswith(f"{dep}/") for dep in deps), f"{name} imports {module}"


def test_every_import_of_the_pretraining_is_a_dependency_of_it() -> None:
    """And of what reads its lines."""
    files = ("thulium/stages/pretrain.py", "thulium/ingest/untranscribed.py")
    found = set().union(*(_imports(lab.CHECKOUT, file, set()) for file in files))
    deps = (*stages.PRETRAIN.code, *NEUTRAL)
    assert [module for module in found if not any(module == d or module.startswith(f"{d}/") for d in deps)] == []
    assert [dep for dep in stages.PRETRAIN.code if not any(module.startswith(dep) for module in found)] == []


@pytest.mark.parametrize("row", [stages.SUMMARIZE, stages.POOL], ids=lambda row: row.name)
def test_every_import_of_a_summary_is_a_dependency_of_it(row: stages.Stage) -> None:
    """The demo has one seed and no folds, so that its dvc.yaml lacks the stage."""
    own = {f"thulium/stages/{row.name}.py", *NEUTRAL}
    found = _imports(lab.CHECKOUT, f"thulium/stages/{row.name}.py", set()) - own
    assert found == {*row.code}


def _imports(root: Path, file: str, seen: set[str]) -> set[str]:
    """Files of the engine that a file imports, also through others; packages' own __init__ files aside."""
    for node in ast.walk(ast.parse((root / file).read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("thulium."):
            continue
        for dotted in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
            path = f"{dotted.replace('.', '/')}.py"
            if (root / path).is_file() and path not in seen | LATE:
                seen.add(path)
                _imports(root, path, seen)
    return seen
