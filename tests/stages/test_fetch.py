"""`thulium fetch` in a project: names become files that DVC tracks, and no stage needs a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lab
import pytest
import remote
import yaml

from thulium_dsl.grammar import zoo

PLACE = "models/hf/archive/french/main/model.safetensors"


@pytest.fixture
def server() -> Iterator[remote.Stub]:
    with remote.serving() as stub:
        yield stub


def test_a_training_starts_from_a_name_and_reads_the_file(finished: Path, run: lab.Shell) -> None:
    model = (finished / "checkpoints" / "best.safetensors").read_bytes()
    lab.edit(finished / "params.yaml", "init_from:\n", "init_from: hf:archive/french\n")
    assert "warning: training.init_from: hf:archive/french is not here yet\n  help: run: thulium fetch params.yaml" in (
        run("thulium", "compile", cwd=finished).stderr
    )
    assert "is not here yet" in run("thulium", "validate", cwd=finished).stderr
    assert PLACE in yaml.safe_load((finished / "dvc.yaml").read_text())["stages"]["train"]["deps"]
    refused = run("thulium", "train", cwd=finished, code=2)
    assert refused.stderr == (
        f"training.init_from: hf:archive/french@main is not here ({PLACE})\n  help: `thulium fetch` brings it\n"
    )
    with remote.serving() as server:
        server.hold("archive/french", {"model.safetensors": model}, cardData={"license": "mit"})
        done = run("thulium", "fetch", cwd=finished, HF_ENDPOINT=server.url)
    assert done.stdout.splitlines() == [
        f"fetched hf:archive/french@main at cccccccccccc: {PLACE}, {len(model) / 1e6:.1f} MB; licence: mit",
        f"tracked by DVC: {PLACE}.dvc; commit it with thulium.lock, and `dvc push` shares the files",
    ]
    assert "is not here yet" not in run("thulium", "validate", cwd=finished).stderr
    run("dvc", "repro", cwd=finished, HF_ENDPOINT="http://127.0.0.1:9")
    lock = yaml.safe_load((finished / "dvc.lock").read_text())
    assert PLACE in [dep["path"] for dep in lock["stages"]["train"]["deps"]]
    assert run("dvc", "status", "--quiet", cwd=finished).stdout == ""
    lab.commit(finished, run)
    (finished / PLACE).unlink()
    run("dvc", "checkout", "--quiet", f"{PLACE}.dvc", cwd=finished)
    here = run("thulium", "fetch", cwd=finished, HF_ENDPOINT="http://127.0.0.1:9").stdout
    assert here == f"hf:archive/french@main at cccccccccccc is here, and as it was fetched: {PLACE}\n"


def test_lines_are_fetched_into_a_folder_that_dvc_tracks(project: Path, run: lab.Shell, server: remote.Stub) -> None:
    server.hold("archive/lines", {"train.parquet": b"PAR1", "LICENSE": b"CC BY"}, kind="datasets")
    done = run("thulium", "fetch", "hf:archive/lines", "--into", "data/foreign", cwd=project, HF_ENDPOINT=server.url)
    assert "to read it: 'dataset: {type: parquet, root: data/foreign}' in params.yaml" in done.stdout
    assert (project / "data" / "foreign.dvc").is_file()
    assert {path.name for path in (project / "data" / "foreign").iterdir()} == {"train.parquet", "LICENSE"}


WRONG = {
    ("hf:archive",): "'hf:archive' is no name of a model\n  help: write 'hf:owner/name'",
    ("https://huggingface.co/a/b",): "is an address, not a name\n  help: write 'hf:a/b'",
    ("doi:10.1000/182",): "  help: only records of Zenodo are known",
    ("zoo:french",): "there is no model 'french' in the zoo\n  help: ",
    ("hf:a/b", "--into", "../x"): "--into ../x: must be a folder below this one",
    ("hf:a/b", "--into", "."): "--into .: must be a folder below this one",
    ("params.yaml", "--into", "data/x"): "--into is for the name of a collection of lines",
    ("hf:a/b",): "HTTP 404",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_cannot_be_fetched_is_said_in_words(
    tmp_path: Path, run: lab.Shell, server: remote.Stub, words: tuple[str, ...]
) -> None:
    (tmp_path / "params.yaml").write_text(lab.DOCUMENT, encoding="utf-8")
    done = run("thulium", "fetch", *words, cwd=tmp_path, code=2, HF_ENDPOINT=server.url)
    assert WRONG[words] in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_a_document_without_names_fetches_nothing(tmp_path: Path, run: lab.Shell) -> None:
    (tmp_path / "params.yaml").write_text(lab.DOCUMENT, encoding="utf-8")
    said = run("thulium", "fetch", cwd=tmp_path).stdout
    assert said == "params.yaml names nothing that lies elsewhere: nothing was fetched\n"
    listed = run("thulium", "models", cwd=tmp_path).stdout
    assert all(f"zoo:{name}  " in listed for name in zoo.names())
    assert zoo.names() or "comes with no models" in listed
