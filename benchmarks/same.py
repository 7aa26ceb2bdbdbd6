"""Do two versions of the code yield the same bytes? For a change that moves code, and should move nothing else.

`python benchmarks/same.py BASE [--lines FOLDER] [--pages FOLDER]` trains and judges small documents with the code as it
is in git revision BASE and with the code of the working tree, in the same environment and with the same settings, and
compares what they write, file by file: histories, weights, predictions, metrics, prepared lines, and the compiled
graph. LINES is a folder with train/, val/ and test/ (images/ and labels.txt), of which the validation lines are judged;
PAGES is a folder of PAGE XML and images. Without them, these documents are left out, which is said.

Paths of code in the graph (`deps` of this repository) are not compared: they are what moves.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from safetensors import safe_open

CHECKOUT = Path(__file__).resolve().parents[1]
RUN = "from thulium.cli.main import main; main()"
COMPILE = """
import sys
from pathlib import Path

try:
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline import dvc_yaml, graph
except ImportError:  # before there were rooms
    from thulium_dsl import dvc_yaml, graph
    from thulium_dsl.validate import load

print(dvc_yaml.render(graph.build(load(Path(sys.argv[1])).experiment, Path("nowhere"))))
"""
LINES = """
version: 1
dataset: {{type: custom, train_dir: {folder}/train, val_dir: {folder}/val, test_dir: {folder}/test}}
preprocessing: {{height: 48}}
model: {{backbone: {{type: resnet, config_name: resnet_tiny}}, head: {{type: bilstm, hidden_size: 128}}}}
training: {{epochs: 1, batch_size: 16}}
evaluation:
  split: val
  decoding: {{type: beam, language_model: train, order: 4}}
logging: {{tensorboard: {{enabled: false}}}}
"""
PAGES = """
version: 1
dataset: {{type: page, root: "{folder}", files: "*page/*.xml", split: {{val: 0.2, test: 0.2}}}}
preprocessing: {{height: 48}}
"""
# What is written that a run's place or time decides, or that names the version of the code.
ASIDE = ("experiment.yaml", ".thulium", "tensorboard", "report.html", "evaluation.html")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="a git revision")
    parser.add_argument("--lines", type=Path)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--epochs", type=int, default=2, help="of the demo")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        subprocess.run(
            ["git", "worktree", "add", "--detach", "--quiet", str(root / "base"), options.base],
            cwd=CHECKOUT,
            check=True,
        )
        try:
            odd = list(_differences(root, options))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(root / "base")], cwd=CHECKOUT, check=True)
    print("\n".join(odd) or "every file is the same")
    sys.exit(bool(odd))


def _differences(root: Path, options: argparse.Namespace) -> Iterator[str]:
    demo = (CHECKOUT / "params.yaml").read_text().replace("epochs: 8\n", f"epochs: {options.epochs}\n")
    assert f"epochs: {options.epochs}\n" in demo
    documents = {"demo": (demo, ("train", "evaluate"))}
    if options.lines:
        documents["lines"] = (LINES.format(folder=options.lines.resolve()), ("train", "evaluate"))
    if options.pages:
        documents["pages"] = (PAGES.format(folder=options.pages.resolve()), ("prepare",))
    for left_out in {"lines", "pages"} - documents.keys():
        print(f"{left_out}: not compared, since --{left_out} names no folder")
    for name, (text, commands) in documents.items():
        found = [_results(code, root / side / name, text, commands) for side, code in _sides(root)]
        names = sorted(found[0].keys() | found[1].keys())
        odd = [file for file in names if found[0].get(file) != found[1].get(file)]
        print(f"{name}: {len(names)} files compared, {len(odd)} differ", flush=True)
        yield from (f"{name}: {file} differs" for file in odd)


def _sides(root: Path) -> tuple[tuple[str, Path], tuple[str, Path]]:
    return ("before", root / "base"), ("after", CHECKOUT)


def _results(code: Path, folder: Path, text: str, commands: tuple[str, ...]) -> dict[str, str]:
    """Run commands with the code of a checkout: file -> digest."""
    folder.mkdir(parents=True)
    (folder / "document.yaml").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(code), "WANDB_MODE": "offline"}
    for command in commands:
        subprocess.run(
            [sys.executable, "-c", RUN, command, "document.yaml", "--output-dir", "out"],
            cwd=folder,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    graph = subprocess.run(
        [sys.executable, "-c", COMPILE, "document.yaml"], cwd=folder, env=environment, check=True, capture_output=True
    ).stdout
    files = [path for path in sorted((folder / "out").rglob("*")) if path.is_file()]
    kept = [path for path in files if not set(path.relative_to(folder).parts) & set(ASIDE)]
    digests = {str(path.relative_to(folder / "out")): _digest(path) for path in kept}
    return digests | {"dvc.yaml": sha256(graph).hexdigest()}


def _digest(path: Path) -> str:
    """Of a file; of a model, of its weights, since its header may gain words."""
    if path.suffix != ".safetensors":
        return sha256(path.read_bytes()).hexdigest()
    digest = sha256()
    with safe_open(path, framework="pt") as file:
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.reshape(-1).numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
