"""What other tools are offered: hooks for pre-commit, schemas for any validator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import lab
import pytest
import yaml

HOOKS = lab.CHECKOUT / ".pre-commit-hooks.yaml"
SCHEMA = lab.CHECKOUT / "schemas" / "experiment.schema.json"
BUNDLE = lab.CHECKOUT / "template" / "{{cookiecutter.project_slug}}" / ".schema" / "thulium.schema.json"


@pytest.fixture
def hooked(project: Path, run: lab.Shell) -> Iterator[Path]:
    """A project that runs the hooks, by the Thulium that is installed here: nothing is downloaded."""
    pytest.importorskip("pre_commit")
    hooks = [{**hook, "language": "system"} for hook in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))]
    text = yaml.safe_dump({"repos": [{"repo": "local", "hooks": hooks}]})
    (project / ".pre-commit-config.yaml").write_text(text, encoding="utf-8")
    lab.commit(project, run)
    return project


def commit_hooks(project: Path, run: lab.Shell, code: int) -> str:
    run("git", "add", ".", cwd=project)
    home = str(project.parent / "pre-commit")
    return run("python", "-m", "pre_commit", "run", cwd=project, code=code, PRE_COMMIT_HOME=home).stdout


def test_pre_commit_accepts_the_hooks(run: lab.Shell, tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    run("python", "-m", "pre_commit", "validate-manifest", HOOKS, cwd=tmp_path, PRE_COMMIT_HOME=str(tmp_path))


def test_a_commit_is_stopped_by_a_bad_document_and_a_stale_pipeline(hooked: Path, run: lab.Shell) -> None:
    lab.edit(hooked / "params.yaml", "lr: 0.001", "lr: 0.002")
    said = commit_hooks(hooked, run, 0)
    assert said.count("Passed") == 2

    lab.edit(hooked / "params.yaml", "  epochs: 1\n", "  epoch: 1\n")
    said = commit_hooks(hooked, run, 1)
    assert "hook id: thulium-validate" in said
    assert "training.epoch: unknown key 'epoch'" in said

    lab.edit(hooked / "params.yaml", "  epoch: 1\n", "")
    said = commit_hooks(hooked, run, 1)
    assert "hook id: thulium-validate" not in said
    assert "params.yaml is not complete: training.epochs" in said


def test_check_jsonschema_accepts_the_schemas_and_the_demo(run: lab.Shell, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    check = ("python", "-m", "check_jsonschema")
    run(*check, "--check-metaschema", *SCHEMA.parent.glob("*.json"), BUNDLE, cwd=tmp_path)
    bad = Path(shutil.copy(lab.CHECKOUT / "params.yaml", tmp_path / "bad.yaml"))
    lab.edit(bad, "  epochs: ", "  epochs: ten")
    for schema in (SCHEMA, BUNDLE):
        run(*check, "--schemafile", schema, lab.CHECKOUT / "params.yaml", cwd=tmp_path)
        assert "$.training.epochs" in run(*check, "--schemafile", schema, bad, cwd=tmp_path, code=1).stdout
