"""What a name stands for comes whole and as it was, or not at all."""

import hashlib
import os
import re
from dataclasses import replace

import pytest
import remote

from thulium.exchange import fetch, lock, web
from thulium.runtime.errors import CheckpointError, DataError, RemoteError
from thulium_dsl.grammar import names, zoo

NAME = names.parse("hf:archive/french")
RECORD = names.parse("doi:10.5281/zenodo.77")


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_model_of_the_hub_comes_with_its_commit_its_digest_and_its_licence(server, model_bytes, tmp_path):
    server.hold("archive/french", {"README.md": b"# it", "model.safetensors": model_bytes}, cardData={"license": "mit"})
    done = fetch.fetch_model(NAME, tmp_path)
    assert (done.place, done.is_new) == ("models/hf/archive/french/main/model.safetensors", True)
    assert (tmp_path / done.place).read_bytes() == model_bytes
    assert lock.read(tmp_path) == {done.place: done.entry}
    assert (done.entry.name, done.entry.license) == ("hf:archive/french@main", "mit")
    (file,) = done.entry.files
    assert file.sha256 == hashlib.sha256(model_bytes).hexdigest()
    assert done.entry.revision == "c" * 40
    assert file.url.endswith(f"/archive/french/resolve/{'c' * 40}/model.safetensors")


def test_a_model_of_zenodo_comes_by_its_doi(server, model_bytes, tmp_path):
    server.hold_record(77, {"README.md": b"# it", "french.safetensors": model_bytes})
    done = fetch.fetch_model(RECORD, tmp_path)
    assert (tmp_path / "models/doi/10.5281/zenodo.77/model.safetensors").read_bytes() == model_bytes
    assert (done.entry.revision, done.entry.license) == ("77", "cc-by-4.0")


def test_what_is_here_is_not_asked_for_again(server, model_bytes, tmp_path):
    server.hold("archive/french", {"model.safetensors": model_bytes})
    fetch.fetch_model(NAME, tmp_path)
    asked = len(server.asked)
    assert fetch.fetch_model(NAME, tmp_path).is_new is False
    assert len(server.asked) == asked


def test_a_colleague_gets_the_same_bytes_although_the_branch_has_moved(server, model_bytes, tmp_path):
    server.hold("archive/french", {"model.safetensors": model_bytes}, commit="a" * 40)
    first = fetch.fetch_model(NAME, tmp_path)
    (tmp_path / first.place).unlink()  # as after a clone: the lock is there, the file is not
    server.hold("archive/french", {"model.safetensors": model_bytes + b" "}, commit="b" * 40)
    assert fetch.fetch_model(NAME, tmp_path).entry == first.entry
    assert (tmp_path / first.place).read_bytes() == model_bytes


def test_what_was_changed_there_is_refused_until_one_asks_for_it(server, model, model_bytes, tmp_path):
    from thulium.models.file import packed

    server.hold_record(77, {"model.safetensors": model_bytes})
    place = tmp_path / fetch.fetch_model(RECORD, tmp_path).place
    other = packed(model, {"epoch": 4})
    server.hold_record(77, {"model.safetensors": other})
    place.unlink()
    with pytest.raises(RemoteError, match=r"is not what it was: .*thulium\.lock has sha256 .*\n  help: `dvc pull`"):
        fetch.fetch_model(RECORD, tmp_path)
    assert files_of(tmp_path) == ["thulium.lock"]
    assert fetch.fetch_model(RECORD, tmp_path, update=True).is_new
    assert place.read_bytes() == other
    assert lock.read(tmp_path)[RECORD.path].files[0].sha256 == hashlib.sha256(other).hexdigest()


def test_a_file_that_was_exchanged_here_is_noticed(server, model_bytes, tmp_path):
    server.hold("archive/french", {"model.safetensors": model_bytes})
    place = tmp_path / fetch.fetch_model(NAME, tmp_path).place
    fetch.refuse_other(NAME, tmp_path)
    place.write_bytes(model_bytes[:-1] + b"\1")
    for look in (fetch.fetch_model, fetch.refuse_other):
        with pytest.raises(DataError, match="is not the file that was fetched for hf:archive/french@main"):
            look(NAME, tmp_path)


def test_a_file_of_unknown_origin_is_not_replaced(server, model_bytes, tmp_path):
    server.hold("archive/french", {"model.safetensors": model_bytes})
    place = tmp_path / NAME.path
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    with pytest.raises(DataError, match=r"is there, and thulium\.lock does not say what it is"):
        fetch.fetch_model(NAME, tmp_path)
    assert place.read_text() == "mine"


FAULTS = {
    "nothing there": (remote.as_json({}, 404), r"is not there: is the name right\?.*HTTP 404"),
    "a private one": (
        remote.as_json({"error": "Access is restricted"}, 403),
        r"not for everybody: .*HTTP 403: .*restricted",
    ),
    "a server that fails": (remote.Answer(b"oops\x1b[2J", 500), r"fails there: try again later \(HTTP 500: oops\\x1b"),
    "too many requests": (remote.Answer(status=429), "too many requests"),
    "a page in place of an answer": (remote.Answer(b"<html>"), "no JSON"),
    "an answer of something else": (remote.as_json({"sha": "x"}), "not as the Hub does"),
    "a cut answer": (remote.Answer(b'{"sha"', announced=999), "cut|no JSON"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_server_that_does_not_give_it_is_named_with_what_to_do(server, tmp_path, case):
    answer, said = FAULTS[case]
    server.answers["ANY"] = answer
    with pytest.raises(RemoteError, match=said):
        fetch.fetch_model(NAME, tmp_path)
    assert list(tmp_path.iterdir()) == []


def damaged(server, case, content):
    """Have a model whose file does not come as it should."""
    place = f"GET /archive/french/resolve/{'c' * 40}/model.safetensors"
    server.hold("archive/french", {"model.safetensors": content})
    server.answers[place] = {
        "cut": remote.Answer(content[:-100], announced=len(content)),
        "of another size": remote.Answer(content[:-100]),
        "changed": remote.Answer(content[:-1] + b"\1"),
        "sent on to a file": remote.Answer(status=302, head={"Location": "file:///etc/passwd"}),
        "sent on to ftp": remote.Answer(status=302, head={"Location": "ftp://127.0.0.1/model"}),
        "sent around": remote.Answer(status=302, head={"Location": f"{server.url}{place.removeprefix('GET ')}"}),
    }[case]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("cut", r"the connection was cut after \d+ of \d+ bytes"),
        ("of another size", r"has \d+ bytes, and \d+ were to come"),
        ("changed", "is not what is listed there"),
        ("sent on to a file", "HTTP 302"),
        ("sent on to ftp", "which is not followed"),
        ("sent around", "HTTP 302"),
    ],
)
def test_a_file_that_does_not_come_as_it_should_leaves_nothing(server, model_bytes, tmp_path, case, said):
    damaged(server, case, model_bytes)
    with pytest.raises(RemoteError, match=said):
        fetch.fetch_model(NAME, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_says_nothing_is_not_waited_for_long(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(web, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(RemoteError, match=r"said nothing for 0\.2 s"):
            fetch.fetch_model(NAME, tmp_path)


def test_a_machine_without_a_network_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RemoteError, match=r"cannot be reached \(Connection refused\): is this machine online\?"):
        fetch.fetch_model(NAME, tmp_path)


def test_a_file_larger_than_models_are_is_left_there(server, model_bytes, tmp_path, monkeypatch):
    server.hold("archive/french", {"model.safetensors": model_bytes})
    monkeypatch.setattr(fetch, "LARGEST_MODEL", 1000)
    with pytest.raises(RemoteError, match="and was left there"):
        fetch.fetch_model(NAME, tmp_path)


def test_what_is_no_model_of_ours_is_not_kept(server, tmp_path):
    server.hold("archive/french", {"model.safetensors": b"GIF89a and so on"})
    with pytest.raises(
        CheckpointError, match=r"^hf:archive/french@main: is damaged or not a safetensors file.*nothing"
    ):
        fetch.fetch_model(NAME, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_several_models_one_is_chosen_by_its_name(server, model_bytes, tmp_path):
    server.hold("archive/french", {"old.safetensors": b"", "new.safetensors": model_bytes})
    with pytest.raises(RemoteError, match=r"several models: old\.safetensors, new\.safetensors\n  help: write '#'"):
        fetch.fetch_model(NAME, tmp_path)
    done = fetch.fetch_model(names.parse("hf:archive/french#new.safetensors"), tmp_path)
    assert done.place == "models/hf/archive/french/main/new.safetensors"


def test_the_token_goes_to_the_hub_and_not_where_it_sends_us(server, model_bytes, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with remote.serving() as store:
        store.answers["GET /blob"] = remote.Answer(model_bytes)
        server.hold("archive/french", {"model.safetensors": model_bytes})
        moved = remote.Answer(status=302, head={"Location": f"{store.url}/blob"})
        server.answers[f"GET /archive/french/resolve/{'c' * 40}/model.safetensors"] = moved
        fetch.fetch_model(NAME, tmp_path)
        assert {each.authorization for each in server.asked} == {"Bearer hf_secret"}
        assert [each.authorization for each in store.asked] == [""]


def test_an_address_in_a_lock_gets_no_token_but_if_it_is_the_hubs(server, model_bytes, tmp_path, monkeypatch):
    server.hold("archive/french", {"model.safetensors": model_bytes})
    done = fetch.fetch_model(NAME, tmp_path)
    (tmp_path / done.place).unlink()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with remote.serving() as other:
        other.answers["ANY"] = remote.Answer(model_bytes)
        moved = replace(done.entry.files[0], url=f"{other.url}/m")
        lock.write(tmp_path, {done.place: replace(done.entry, files=(moved,))})
        fetch.fetch_model(NAME, tmp_path)
        assert [each.authorization for each in other.asked] == [""]


LINES = {
    "data/train-0.parquet": b"PAR1 a",
    "data/test-0.parquet": b"PAR1 b",
    "LICENSE": b"CC BY 4.0",
    "README.md": b"# lines",
    ".gitattributes": b"",
    "pictures/0001.jpg": b"the same lines once more",
}


def test_a_collection_of_lines_comes_as_tables_with_its_licence(server, tmp_path):
    server.hold("archive/lines", LINES, kind="datasets", tags=["license:cc-by-4.0"])
    done = fetch.fetch_lines(names.parse("hf:archive/lines@main"), "data/lines", tmp_path)
    assert files_of(tmp_path / "data" / "lines") == [
        "LICENSE",
        "README.md",
        "data/test-0.parquet",
        "data/train-0.parquet",
    ]
    assert done.entry.license == "cc-by-4.0"
    assert [file.path for file in done.entry.files][:2] == [
        "data/lines/data/train-0.parquet",
        "data/lines/data/test-0.parquet",
    ]
    assert fetch.fetch_lines(names.parse("hf:archive/lines"), "data/lines", tmp_path).is_new is False


def test_half_a_collection_is_not_left(server, tmp_path):
    server.hold("archive/lines", LINES, kind="datasets")
    server.answers[f"GET /datasets/archive/lines/resolve/{'c' * 40}/data/test-0.parquet"] = remote.Answer(status=500)
    with pytest.raises(RemoteError, match="fails there"):
        fetch.fetch_lines(names.parse("hf:archive/lines"), "data/lines", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "odd", ["../../.bashrc", "/etc/x.parquet", "a\\b.parquet", "a/../../b.parquet", "C:x.parquet", "a\nb.parquet"]
)
def test_a_name_that_leads_out_of_the_folder_is_refused_before_anything_comes(server, tmp_path, odd):
    server.hold_record(77, {"fine.csv": b"", odd: b"x"})
    with pytest.raises(RemoteError, match="a file whose name is not taken"):
        fetch.fetch_lines(RECORD, "data/lines", tmp_path)
    assert files_of(tmp_path) == []
    assert server.paths("GET") == ["/api/records/77"]


def test_a_file_and_a_folder_of_one_name_are_refused_before_anything_comes(server, tmp_path):
    server.hold_record(77, {"a.parquet": b"x", "A.parquet/b.parquet": b"x"})
    with pytest.raises(RemoteError, match=r"has a file and a folder of the name 'a\.parquet'"):
        fetch.fetch_lines(RECORD, "data/lines", tmp_path)
    assert files_of(tmp_path) == []


def test_an_address_of_a_record_that_is_no_servers_is_not_opened(server, tmp_path):
    (tmp_path / "secret").write_text("x")
    row = {"key": "a.csv", "size": 1, "links": {"self": f"file://{tmp_path}/secret"}}
    server.answers["GET /api/records/77"] = remote.as_json({"id": 77, "metadata": {}, "files": [row]})
    with pytest.raises(RemoteError, match="is no address of a server, and is not opened"):
        fetch.fetch_lines(RECORD, "data/lines", tmp_path)


def test_a_folder_of_other_origin_is_not_filled(server, tmp_path):
    server.hold_record(77, {"lines.zip": b"PK"})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="no `thulium fetch` has written it"):
        fetch.fetch_lines(RECORD, "data", tmp_path)


def test_lines_that_were_changed_there_are_refused_and_with_update_replaced(server, tmp_path):
    server.hold_record(77, {"lines.csv": b"one"})
    fetch.fetch_lines(RECORD, "data/lines", tmp_path)
    (tmp_path / "data/lines/lines.csv").unlink()
    (tmp_path / "data/lines").rmdir()
    server.hold_record(77, {"lines.csv": b"two"})
    with pytest.raises(RemoteError, match="is not what it was"):
        fetch.fetch_lines(RECORD, "data/lines", tmp_path)
    assert files_of(tmp_path) == ["thulium.lock"]
    fetch.fetch_lines(RECORD, "data/lines", tmp_path, update=True)
    assert (tmp_path / "data/lines/lines.csv").read_bytes() == b"two"


def entry_of_the_zoo(content, url=""):
    return zoo.ZooModel(
        name="old-french",
        summary="Reads.",
        url=url,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        license="MIT",
        languages=("fro",),
        scripts=("Latn",),
    )


def test_a_model_of_the_zoo_comes_from_its_address_if_it_is_the_one(server, model_bytes, tmp_path, monkeypatch):
    server.answers["GET /m"] = remote.Answer(model_bytes)
    entry = entry_of_the_zoo(model_bytes, f"{server.url}/m")
    monkeypatch.setattr(zoo, "MODELS", (entry,))
    assert names.fault("zoo:old-french") is None
    assert names.fault("zoo:old-frnch") == (
        "there is no model 'old-frnch' in the zoo",
        "did you mean 'zoo:old-french'?",
    )
    done = fetch.fetch_model(names.parse("zoo:old-french"), tmp_path)
    assert (done.place, done.entry.license) == ("models/zoo/old-french/model.safetensors", "MIT")
    monkeypatch.setattr(zoo, "MODELS", (replace(entry, name="other", sha256="0" * 64),))
    with pytest.raises(RemoteError, match="is not what is listed there"):
        fetch.fetch_model(names.parse("zoo:other"), tmp_path)


def test_a_model_of_the_zoo_that_travels_with_thulium_needs_no_network(model_bytes, tmp_path, monkeypatch):
    file = tmp_path / "package" / "old-french" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(model_bytes)
    monkeypatch.setattr(zoo, "_PLACES", (tmp_path / "package",))
    monkeypatch.setattr(zoo, "MODELS", (entry_of_the_zoo(model_bytes),))
    done = fetch.fetch_model(names.parse("zoo:old-french"), tmp_path)
    assert (tmp_path / done.place).read_bytes() == model_bytes
    (tmp_path / done.place).unlink()
    assert fetch.fetch_model(names.parse("zoo:old-french"), tmp_path).entry == done.entry
    (tmp_path / done.place).unlink()
    file.write_bytes(model_bytes[:-1] + b"x")
    with pytest.raises(
        CheckpointError, match="zoo:old-french: its file is not the one that this version of Thulium knows"
    ):
        fetch.fetch_model(names.parse("zoo:old-french"), tmp_path)
    assert not (tmp_path / done.place).exists()


LOCKED = (
    "version: 1\nfetched:\n  models/a.safetensors:\n    name: hf:a/b@main\n    page: http://x\n    revision: r1\n"
    "    license: l\n    files: [{path: models/a.safetensors, url: http://x, size: 3, sha256: ab}]\n"
)
EDITED = {
    "an address that is a number": ("url: http://x", "url: 5"),
    "a path that is a number": ("path: models/a.safetensors", "path: 5"),
    "a version that is a number": ("revision: r1", "revision: 12"),
    "a licence that is a list": ("license: l", "license: [l]"),
    "no file": ("[{path: models/a.safetensors, url: http://x, size: 3, sha256: ab}]", "[]"),
    "a key too many": ("page:", "pages: x\n    page:"),
}


@pytest.mark.parametrize("case", EDITED)
def test_a_lock_that_was_edited_by_hand_is_refused_in_words(tmp_path, case):
    (tmp_path / "thulium.lock").write_text(LOCKED)
    assert lock.read(tmp_path)["models/a.safetensors"].files[0].size == 3
    (tmp_path / "thulium.lock").write_text(LOCKED.replace(*EDITED[case]))
    with pytest.raises(DataError, match=r"is damaged \((a row|a '[a-z]+'|an entry) in it ") as caught:
        lock.read(tmp_path)
    assert "__init__" not in str(caught.value)


class Killed(BaseException):
    """A process that ends at once."""


@pytest.mark.parametrize("step", [1, 2])
def test_a_fetch_that_was_killed_between_its_last_two_steps_goes_on(server, model_bytes, tmp_path, monkeypatch, step):
    server.hold("archive/french", {"model.safetensors": model_bytes})
    renames, rename = [], os.replace

    def killed(*words):
        renames.append(words)
        if len(renames) == step:
            raise Killed
        rename(*words)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(Killed):
            fetch.fetch_model(NAME, tmp_path)
    done = fetch.fetch_model(NAME, tmp_path)
    assert (tmp_path / done.place).read_bytes() == model_bytes
    assert lock.read(tmp_path)[done.place] == done.entry


@pytest.mark.parametrize("text", ["[", "version: 2\nfetched: {}", "version: 1\nfetched: {a: {name: x}}", "x"])
def test_a_damaged_lock_is_named(tmp_path, text):
    (tmp_path / "thulium.lock").write_text(text)
    with pytest.raises(
        DataError, match=rf"{re.escape(str(tmp_path))}/thulium\.lock: is damaged .*\n  help: bring back"
    ):
        lock.read(tmp_path)
