"""What is published says what is known, says what is not, and holds what other programs ask for."""

import json
import sys
from pathlib import Path

import jsonschema
import pytest
import remote
import yaml

from thulium.exchange import card as cards
from thulium.exchange import facts, person, publication, upload, zenodo
from thulium.exchange.scripts import scripts_of
from thulium.models.header import CheckpointError
from thulium.runtime.errors import DataError, RemoteError
from thulium.training.same import digest_of_lines

# HTRMoPo's metadata schema, version 1, of htrmopo 0.6: https://github.com/mittagessen/HTRMoPo, Apache License 2.0.
HTRMOPO = json.loads((Path(__file__).parent / "htrmopo-v1.metadata.schema.json").read_text())
MEASURED = {
    "split": "test",
    "lines": 308,
    "characters": 9000,
    "lines_left_out": 2,
    "decoding": "greedy",
    "unit": "code point",
    "unicode_form": "NFC",
    "words": "split at white space",
    "interval_unit": "page",
    "interval_units": 31,
}
OPTIONS = ("author", "license", "language", "script", "title", "summary", "base-model", "data-url", "data-license")
SAID = {
    **{name: () for name in (*OPTIONS, "benchmark")},
    "author": ("Jane Doe, Archive of X, 0000-0002-1825-0097", "Jan <b>|"),
    "license": ("cc-by-4.0",),
    "language": ("fra", "lat"),
}


@pytest.fixture
def folder(tmp_path, model, experiment, prepared):
    """A folder as a training leaves it, whose model records settings and lines."""
    from dataclasses import asdict

    from thulium.models.file import save_model

    settings = {
        "model": asdict(experiment.model),
        "training": asdict(experiment.training) | {"init_from": "hf:archive/old@v1"},
        "augmentation": asdict(experiment.augmentation),
        "preprocessing": asdict(experiment.preprocessing),
    }
    computed = {"data": digest_of_lines(prepared), "thulium": "0.1.0", "torch": "2.6"}
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints" / "best.safetensors"
    save_model(model, path, {"epoch": 3, "settings": settings, "computed": computed})
    (tmp_path / "prepared").symlink_to(prepared)
    return tmp_path


def measure(folder, sha256):
    figures = {"cer": 0.041234, "wer": 0.123, "line_accuracy": 0.5, "cer_low": 0.039, "cer_high": 0.0435, "edits": 371}
    content = figures | {"measured": MEASURED | ({"model_sha256": sha256} if sha256 else {})}
    (folder / "metrics.json").write_text(json.dumps(content))


def known(folder, documents=()):
    return facts.facts_of(folder / "checkpoints" / "best.safetensors", [folder / "checkpoints", folder], documents)


def card_of(folder, place="", **said):
    given = SAID | {name.replace("_", "-"): value for name, value in said.items()}
    assert list(person.faults(given)) == []
    found = known(folder)
    return cards.Card(facts=found, person=person.understood(given), place=place)


def head_of(text):
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def test_figures_stand_in_the_card_if_they_are_of_this_very_model(folder):
    measure(folder, known(folder).sha256[:16])
    text = cards.body(card_of(folder))
    assert "| CER | 4.12%, 95 % interval 3.90% to 4.35% |" in text
    assert "308 lines, 9,000 characters, of the split `test`" in text
    assert "| left out of that | 2 lines" in text
    assert "NFC, white space: collapse, in texts and readings alike" in text
    assert "| interval | over 31 pages |" in text
    assert "bootstrap" not in text


@pytest.mark.parametrize(("lines", "counted"), [(5, 5), (None, 12), (500, 12)])
def test_the_lines_that_were_learnt_from_are_counted(folder, model, prepared, lines, counted):
    from thulium.models.file import save_model

    made = {"settings": {"training": {"lines": lines}}, "computed": {"data": digest_of_lines(prepared)}}
    save_model(model, folder / "checkpoints" / "best.safetensors", made)
    assert known(folder).splits == {"train": counted, "val": 6, "test": 6}


def test_the_lines_of_a_fold_are_found_where_a_project_has_them(folder, prepared):
    (folder / "prepared").unlink()
    (folder / "data" / "prepared" / "folds").mkdir(parents=True)
    (folder / "data" / "prepared" / "folds" / "2").symlink_to(prepared)
    assert known(folder).splits == {"train": 12, "val": 6, "test": 6}


def test_kinds_and_replacements_of_all_sources_stand_in_the_card(folder):
    settings = known(folder).settings
    rule = {"find": "a", "replace": "b"}
    sources = [
        {"type": kind, "text": {"map": maps}} for kind, maps in (("page", [rule]), ("alto", [rule]), ("page", []))
    ]
    document = facts.Document("version: 1\n", {**settings, "dataset": {"type": "sources", "sources": sources}})
    found = known(folder, [document])
    assert (found.source, found.replacements) == ("page, alto", 2)
    text = cards.body(cards.Card(facts=found, person=person.understood(SAID), place=""))
    assert "Kinds of data: `page, alto`." in text
    assert "| replaced before training | 2 texts |" in text


def test_what_a_person_writes_stands_in_both_cards(folder):
    from dataclasses import replace

    card = replace(card_of(folder), notes="## What it reads badly\n\n- <b>pencil</b>")
    for text in (cards.for_hub(card), cards.for_htrmopo(card)):
        assert "\n\n## What it reads badly\n\n- <b>pencil</b>\n\n## Files\n" in text
    assert "\n\n\n" not in cards.for_hub(card_of(folder)).partition("## How well")[2]


@pytest.mark.parametrize(
    ("sha256", "why"),
    [
        (None, "no metrics.json is at hand"),
        ("", "does not say of which model it is"),
        ("0" * 16, "metrics.json is of another model"),
    ],
)
def test_figures_of_another_model_do_not(folder, sha256, why):
    if sha256 is not None:
        measure(folder, sha256)
    found = known(folder)
    assert found.metrics is None
    assert why in found.no_metrics
    assert "run `thulium evaluate`" in found.no_metrics
    text = cards.body(card_of(folder))
    assert "4.12" not in text
    assert "Not known: no evaluation of this very file was at hand" in text
    assert "metrics" not in head_of(cards.for_hub(card_of(folder)))[0]


def test_lines_are_counted_if_they_are_those_of_the_training(folder, prepared):
    assert "| train | 12 |" in cards.body(card_of(folder))
    (folder / "prepared").unlink()
    assert "How many lines it was trained on is not known here" in cards.body(card_of(folder))


def test_the_document_is_taken_over_if_its_settings_are_the_models(folder):
    settings = json.loads(json.dumps(known(folder).settings))
    own = facts.Document("# mine\n", settings | {"dataset": {"type": "page"}})
    other = facts.Document("# other\n", own.tree | {"training": settings["training"] | {"lr": 9}})
    assert (found := known(folder, [other, own])).document == "# mine\n"
    assert (found.is_whole, found.source) == (True, "page")
    alone = known(folder, [other])
    assert alone.is_whole is False
    assert yaml.safe_load(alone.document)["training"]["lr"] == settings["training"]["lr"]


def test_the_head_for_the_hub_is_in_the_hubs_terms(folder):
    measure(folder, known(folder).sha256)
    said = {"data_url": ("hf:archive/lines", "https://example.org/x"), "benchmark": ("archive/bench#lines",)}
    card = card_of(folder, "hf:archive/new", **said)
    head, body = head_of(cards.for_hub(card))
    assert head["license"] == "cc-by-4.0"
    assert head["language"] == ["fra", "lat"]
    assert head["datasets"] == ["archive/lines"]
    assert head["base_model"] == ["archive/old"]
    assert head["metrics"] == ["cer", "wer"]
    (result,) = head["model-index"][0]["results"]
    assert result["metrics"][0] == {"type": "cer", "value": 4.1234, "name": "CER, percent"}
    assert "thulium fetch hf:archive/new\nthulium predict models/hf/archive/new/main/model.safetensors" in body
    (row,) = yaml.safe_load(cards.evaluation_for_hub(card))
    assert row["dataset"] == {"id": "archive/bench", "task_id": "lines"}
    assert row["value"] == 4.1234
    assert row["notes"].startswith("CER in percent, lower is better; greedy, NFC, 308 lines")


def test_the_head_for_htrmopo_fits_its_schema(folder):
    measure(folder, known(folder).sha256)
    text = cards.for_htrmopo(card_of(folder, data_url=("hf:archive/lines",)))
    head, _ = head_of(cards.with_doi(text, "10.5281/zenodo.9"))
    jsonschema.Draft7Validator(HTRMOPO).validate(head)
    assert head["id"] == "https://doi.org/10.5281/zenodo.9"
    assert head["authors"][0] == {
        "name": "Jane Doe",
        "affiliation": "Archive of X",
        "orcid": "https://orcid.org/0000-0002-1825-0097",
    }
    assert (head["license"], head["script"]) == ("CC-BY-4.0", ["Latn"])
    assert head["metrics"] == {"cer": 4.1234, "wer": 12.3}
    assert head["datasets"] == ["https://huggingface.co/datasets/archive/lines"]
    assert head["base_model"] == ["https://huggingface.co/archive/old"]


def test_both_cards_say_the_same_to_people(folder):
    card = card_of(folder)
    assert head_of(cards.for_hub(card))[1] == head_of(cards.for_htrmopo(card))[1]


def test_what_a_person_writes_does_not_change_the_shape_of_the_card(folder):
    assert "- Jan &lt;b>\\|\n" in cards.body(card_of(folder))


def test_a_model_without_facts_is_published_with_less(tmp_path, model_bytes):
    path = tmp_path / "m.safetensors"
    path.write_bytes(model_bytes)
    found = facts.facts_of(path, [tmp_path], [])
    card = cards.Card(facts=found, person=person.understood(SAID), place="")
    assert "The model file records no settings" in cards.body(card)
    assert "| versions | not recorded |" in cards.body(card)
    written = publication.write(tmp_path / "out", card)
    assert written.names == ("LICENSE", "README.htrmopo.md", "README.md", "model.safetensors", "publication.json")
    path.write_bytes(b"no model")
    with pytest.raises(CheckpointError):
        facts.facts_of(path, [tmp_path], [])


@pytest.mark.parametrize(
    "settings", [7, {"training": 7}, {"training": {}}, {"training": {"epochs": 3, "init_from": "<x>.safetensors"}}]
)
def test_what_a_model_file_says_in_its_own_way_is_no_obstacle(tmp_path, model, settings):
    from thulium.models.file import save_model

    path = tmp_path / "m.safetensors"
    save_model(model, path, {"settings": settings, "computed": {"thulium": "9"}})
    found = facts.facts_of(path, [tmp_path], [facts.Document("x", {})])
    card = cards.Card(facts=found, person=person.understood(SAID), place="")
    assert "Thulium 9, PyTorch not recorded" in cards.body(card)
    assert "<x>" not in cards.body(card)
    assert found.is_whole is False
    publication.write(tmp_path / "out", card)


@pytest.mark.parametrize(
    ("symbols", "codes"), [("aß1 ", ("Latn",)), ("אλж", ("Cyrl", "Grek", "Hebr")), ("123 .", ()), ("\ue000", ())]
)
def test_scripts_are_those_of_the_letters(symbols, codes):
    assert scripts_of(symbols) == codes


WRONG = {
    "author": (", Archive", "has no name: write 'Name, affiliation'"),
    "license": ("CC-BY", "is none that all places know: did you mean CC-BY-4.0?"),
    "language": ("fr", "is no code of ISO 639-3, three small letters: did you mean fra?"),
    "script": ("latin", "is no code of ISO 15924: did you mean Latn?"),
    "base-model": ("french", "is no address, nor a name such as hf:owner/name"),
    "data-url": ("file:///x", "is no address, nor a name such as hf:owner/name"),
    "benchmark": ("a/b", "is no data set of the Hub with its task: write owner/name#task"),
    "title": ("a\nb", "is no line of text"),
}


def test_all_that_is_wrong_with_what_a_person_says_is_said_at_once():
    given = SAID | {name: (text,) for name, (text, _) in WRONG.items()}
    found = list(person.faults(given))
    assert sorted(found) == sorted(
        f"--{name}: '{text.replace(chr(10), chr(92) + 'n')}' {what}" for name, (text, what) in WRONG.items()
    )


def test_the_folder_is_whole_and_its_model_the_same_bytes(folder, tmp_path):
    measure(folder, known(folder).sha256)
    card, out = card_of(folder, benchmark=("archive/bench#lines",)), tmp_path / "out"
    written = publication.write(out, card)
    assert written.names == (
        ".eval_results/thulium.yaml",
        "LICENSE",
        "README.htrmopo.md",
        "README.md",
        "metrics.json",
        "model.safetensors",
        "params.yaml",
        "publication.json",
    )
    assert (out / "model.safetensors").read_bytes() == (folder / "checkpoints" / "best.safetensors").read_bytes()
    about = json.loads((out / "publication.json").read_text())
    assert (about["model"]["sha256"], about["lines"]["train"]) == (card.facts.sha256, 12)
    assert about["base_models"] == ["https://huggingface.co/archive/old"]


def test_what_a_person_changes_in_the_folder_stays_for_this_model_only(folder, tmp_path, model):
    from thulium.models.file import save_model

    out, card = tmp_path / "out", card_of(folder)
    publication.write(out, card)
    (out / "README.md").write_text("my own words")
    (out / "page.png").write_bytes(b"x")
    assert publication.write(out, card).kept == ("README.md", "page.png")
    assert (out / "README.md").read_text() == "my own words"
    assert publication.write(out, card).kept == ("README.md", "page.png")
    save_model(model, folder / "checkpoints" / "best.safetensors", {"epoch": 4})
    with pytest.raises(DataError, match=r"README\.md, page\.png was changed or added by hand, for another model"):
        publication.write(out, card_of(folder))
    assert (out / "page.png").exists()


def test_a_publication_that_was_killed_between_its_renames_keeps_what_a_person_changed(folder, tmp_path, monkeypatch):
    import os

    out, card = tmp_path / "out", card_of(folder)
    publication.write(out, card)
    (out / "README.md").write_text("my own words")
    renames, replace = [], os.replace

    def killed(*words):
        renames.append(words)
        if len(renames) == 2:
            raise KeyboardInterrupt
        replace(*words)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            publication.write(out, card)
    assert publication.write(out, card).kept == ("README.md",)
    assert (out / "README.md").read_text() == "my own words"
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out"]


def test_a_folder_within_a_publication_is_refused(folder, tmp_path):
    card = card_of(folder)
    publication.write(tmp_path / "out", card)
    with pytest.raises(DataError, match="which `thulium publish` has written: name a folder beside it"):
        publication.write(tmp_path / "out" / "sub", card)
    assert not (tmp_path / "out" / "sub").exists()


def test_a_folder_of_other_origin_is_not_touched(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="was not written by `thulium publish`"):
        publication.write(out, card_of(folder))
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.fixture
def written(folder, tmp_path):
    card = card_of(folder)
    publication.write(tmp_path / "out", card)
    return tmp_path / "out", card


def accept_deposits(server):
    """Zenodo, as far as a deposit goes."""
    from hashlib import md5

    top = f"{server.url}/api"
    links = {"bucket": f"{top}/files/bucket-1", "html": f"{server.url}/deposit/7"}
    made = {"id": 7, "links": links, "metadata": {"prereserve_doi": {"doi": "10.5281/zenodo.7"}}}
    server.answers |= {
        "POST /api/deposit/depositions": remote.as_json(made, 201),
        "PUT /api/deposit/depositions/7": remote.as_json({}),
        "POST /api/deposit/depositions/7/actions/publish": remote.as_json({"doi": "10.5281/zenodo.7"}, 202),
        "DELETE /api/deposit/depositions/7": remote.Answer(status=204),
        "ANY": lambda asked: remote.as_json({"checksum": f"md5:{md5(asked.body).hexdigest()}"}, 201),
    }


def test_a_record_of_zenodo_gets_the_files_and_the_card_with_its_doi(server, written, monkeypatch):
    monkeypatch.setenv("ZENODO_TOKEN", "secret")
    accept_deposits(server)
    assert upload.to_zenodo(*written, ["ocr_models"], is_final=False) == ("10.5281/zenodo.7", f"{server.url}/deposit/7")
    assert {each.authorization for each in server.asked} == {"Bearer secret"}
    sent = {each.path.rpartition("/")[2]: each.body for each in server.asked if each.path.startswith("/api/files/")}
    assert sorted(sent) == ["LICENSE", "README.md", "model.safetensors", "params.yaml", "publication.json"]
    assert sent["model.safetensors"] == (written[0] / "model.safetensors").read_bytes()
    head, _ = head_of(sent["README.md"].decode())
    jsonschema.Draft7Validator(HTRMOPO).validate(head)
    assert head["id"] == "https://doi.org/10.5281/zenodo.7"
    (metadata,) = [json.loads(each.body)["metadata"] for each in server.asked if each.path.endswith("depositions/7")]
    assert metadata["creators"][0]["orcid"] == "0000-0002-1825-0097"
    assert metadata["communities"] == [{"identifier": "ocr_models"}]
    assert metadata["related_identifiers"][0]["identifier"] == "https://huggingface.co/archive/old"
    assert not any("publish" in each.path for each in server.asked)
    upload.to_zenodo(*written, [], is_final=True)
    assert server.asked[-1].path.endswith("/actions/publish")


ZENODO_FAULTS = {
    "the token is wrong": (
        "POST /api/deposit/depositions",
        remote.as_json({"message": "no"}, 401),
        "for everybody",
    ),
    "a file is not taken": ("PUT /api/files/bucket-1/model.safetensors", remote.as_json({}, 500), "fails there"),
    "a file arrives as another": (
        "PUT /api/files/bucket-1/model.safetensors",
        remote.as_json({"checksum": "md5:0"}),
        "did not arrive as it was sent",
    ),
    "the description is not taken": (
        "PUT /api/deposit/depositions/7",
        remote.as_json({"errors": [{"field": "metadata.license"}]}, 400),
        "refuses that .*metadata.license",
    ),
    "it cannot be published": (
        "POST /api/deposit/depositions/7/actions/publish",
        remote.as_json({}, 503),
        "fails there",
    ),
}


@pytest.mark.parametrize("case", ZENODO_FAULTS)
def test_a_record_that_cannot_be_made_is_not_called_published_and_its_draft_goes(
    server, written, monkeypatch, capfd, case
):
    monkeypatch.setenv("ZENODO_TOKEN", "secret")
    accept_deposits(server)
    place, answer, said = ZENODO_FAULTS[case]
    server.answers[place] = answer
    with pytest.raises(RemoteError, match=said):
        upload.to_zenodo(*written, [], is_final=True)
    was_begun = not place.endswith("/depositions")
    assert server.paths("DELETE") == ["/api/deposit/depositions/7"] * was_begun
    assert ("the draft was removed again" in capfd.readouterr().err) is was_begun


def test_files_go_to_zenodo_and_not_where_an_answer_sends_them(server, written, monkeypatch):
    monkeypatch.setenv("ZENODO_TOKEN", "secret")
    accept_deposits(server)
    draft = zenodo.Draft(7, "x", "http://127.0.0.1:9/files/b", "page")
    with pytest.raises(RemoteError, match="is not where Zenodo is"):
        zenodo.fill_draft(draft, {"a": written[0] / "LICENSE"}, {})


hub_only = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("huggingface_hub") is None, reason="huggingface_hub is not installed"
)


def accept_commits(server, monkeypatch):
    """The Hub, as far as a commit goes; the model is sent as a large file, without the Hub's own way to store these."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    top = "/api/models/archive/new"

    def modes(asked):
        paths = [row["path"] for row in json.loads(asked.body)["files"]]
        modes = {path: "lfs" if path.endswith(".safetensors") else "regular" for path in paths}
        rows = [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]
        return remote.as_json({"files": rows})

    def batch(asked):
        objects = [
            row | {"actions": {"upload": {"href": f"{server.url}/store/{row['oid']}", "header": {}}}}
            for row in json.loads(asked.body)["objects"]
        ]
        return remote.as_json({"transfer": "basic", "objects": objects})

    server.answers |= {
        "POST /api/validate-yaml": remote.as_json({"errors": [], "warnings": []}),
        "POST /api/repos/create": remote.as_json({"url": f"{server.url}/archive/new"}),
        f"GET {top}": remote.as_json({"id": "archive/new", "sha": "0" * 40}),
        f"GET {top}/revision/main": remote.as_json({"id": "archive/new", "sha": "0" * 40}),
        f"POST {top}/preupload/main": modes,
        "POST /archive/new.git/info/lfs/objects/batch": batch,
        f"POST {top}/commit/main": remote.as_json(
            {"commitUrl": f"{server.url}/archive/new/commit/1", "commitOid": "1" * 40, "success": True}
        ),
    }
    server.answers["ANY"] = lambda asked: remote.Answer(status=200 if asked.path.startswith("/store/") else 404)


@hub_only
def test_a_repository_of_the_hub_gets_the_files_in_one_commit(server, written, monkeypatch):
    accept_commits(server, monkeypatch)
    assert upload.to_hub(written[0], "archive/new") == f"{server.url}/archive/new/commit/1"
    (commit,) = [each for each in server.asked if each.path.endswith("/commit/main")]
    rows = [json.loads(row) for row in commit.body.splitlines()]
    paths = {row["value"]["path"]: row["key"] for row in rows if row["key"] != "header"}
    assert paths == {
        "LICENSE": "file",
        "README.md": "file",
        "params.yaml": "file",
        "publication.json": "file",
        "model.safetensors": "lfsFile",
    }
    (stored,) = [each.body for each in server.asked if each.path.startswith("/store/")]
    assert stored == (written[0] / "model.safetensors").read_bytes()
    assert commit.authorization == "Bearer hf_secret"


@hub_only
@pytest.mark.parametrize(
    ("place", "answer", "said"),
    [
        ("POST /api/repos/create", remote.as_json({"error": "Invalid token"}, 403), "may not write there"),
        ("POST /api/repos/create", remote.as_json({}, 404), "no such owner, or the token may not"),
        ("POST /api/models/archive/new/commit/main", remote.as_json({"error": "oops"}, 500), "the Hub fails"),
        ("POST /api/models/archive/new/commit/main", remote.Answer(b"{", announced=99), "cut"),
        ("POST /api/models/archive/new/commit/main", remote.Answer(b"<html>"), "answers, but not as the Hub does"),
        (
            "POST /api/validate-yaml",
            remote.as_json({"errors": [{"message": "license is not one of"}], "warnings": []}, 400),
            "the Hub refuses it",
        ),
    ],
)
def test_a_commit_that_cannot_be_made_is_not_called_published(server, written, monkeypatch, place, answer, said):
    accept_commits(server, monkeypatch)
    server.answers[place] = answer
    if place.endswith("create"):
        del server.answers["GET /api/models/archive/new"]
    with pytest.raises(RemoteError, match=rf"/archive/new: was not published: .*{said}(.|\n)*the Hub says: "):
        upload.to_hub(written[0], "archive/new")


@hub_only
def test_the_hub_that_cannot_be_reached_is_said(written, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RemoteError, match="the Hub cannot be reached"):
        upload.to_hub(written[0], "archive/new")


def test_the_extra_is_named_where_the_package_is_missing(monkeypatch):
    from thulium.cli import engine
    from thulium_dsl.messages.problems import ThuliumError

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ThuliumError, match=r"needs the package huggingface_hub.*pip install 'thulium\[hub\]'"):
        engine.load("publish", "huggingface_hub")
