"""The wheel is whole: installed without the checkout, it validates, compiles and starts projects."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import lab
import pytest


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> lab.Shell:
    """Runs commands in an environment that has the wheel, and every package but not the checkout.

    The packages come from the running environment by a .pth file. A .pth file that lies there, such as the one of an
    editable installation, is not followed, so that nothing leads back to the checkout; nothing is downloaded either.
    """
    folder = tmp_path_factory.mktemp("wheel")
    shell = lab.Shell(lab.environment(folder))
    words = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    shell(sys.executable, *words, lab.CHECKOUT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    shell(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return lab.Shell(lab.environment(folder, PATH=f"{python.parent}{os.pathsep}{shell.variables['PATH']}"))


def modules(run: lab.Shell, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run("python", "-c", "import thulium, thulium_dsl; print(thulium.__file__, thulium_dsl.__file__)", cwd=cwd)


def test_nothing_comes_from_the_checkout(installed: lab.Shell, tmp_path: Path) -> None:
    for path in modules(installed, tmp_path).stdout.split():
        assert not Path(path).is_relative_to(lab.CHECKOUT)
        assert "site-packages" in path


def test_a_document_is_validated_and_compiled(installed: lab.Shell, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("training:\n  epochs: 3\n", encoding="utf-8")
    assert installed("thulium", "validate", cwd=tmp_path).stdout == "params.yaml is valid\n"
    assert "wrote dvc.yaml" in installed("thulium", "compile", cwd=tmp_path).stdout
    assert "cmd: thulium train params.yaml" in (tmp_path / "dvc.yaml").read_text()
    (tmp_path / "params.yaml").write_text("training:\n  epoch: 3\n", encoding="utf-8")
    assert "did you mean 'epochs'?" in installed("thulium", "validate", cwd=tmp_path, code=2).stderr


def test_a_project_is_started_from_the_template_inside(installed: lab.Shell, tmp_path: Path) -> None:
    installed("thulium", "init", "letters", cwd=tmp_path)
    project = tmp_path / "letters"
    installed("thulium", "compile", "--check", cwd=project)
    tracked = installed("git", "ls-files", cwd=project).stdout.split()
    assert {".gitignore", ".dvcignore", ".schema/thulium.schema.json", "params.yaml", "dvc.yaml"} <= set(tracked)


def test_the_engine_is_there(installed: lab.Shell, tmp_path: Path) -> None:
    (tmp_path / "document.yaml").write_text(lab.DOCUMENT, encoding="utf-8")
    done = installed("thulium", "prepare", "document.yaml", "--output-dir", "run", cwd=tmp_path)
    assert "prepared 24 train, 8 val, 8 test lines in run" in done.stdout
    installed("python", "-c", "import thulium.training, thulium.stages.evaluate", cwd=tmp_path)


def test_the_models_and_texts_of_the_zoo_come_with_it(installed: lab.Shell, tmp_path: Path) -> None:
    script = (
        "from thulium_dsl.grammar import zoo; print(zoo.folder(), *(each.path for each in (*zoo.MODELS, *zoo.TEXTS)))"
    )
    folder, *files = installed("python", "-c", script, cwd=tmp_path).stdout.split()
    assert folder.endswith("site-packages/thulium_dsl/_zoo")
    assert {Path(file).parent.name for file in files} == {"latin-tiny", "latin-small", "latin"}
    assert all(Path(file).is_file() for file in files)
