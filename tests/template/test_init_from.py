"""``thulium init --from``: from an export to a project that fits it; and what it says of what is no export."""

from __future__ import annotations

import os
import shutil
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import lab
import pytest

from thulium.cli.start import archive, begin, counting, pairs, several
from thulium.cli.start.choice import Choice, choose, kind_of
from thulium.cli.start.making import Making, making
from thulium.cli.start.sight import head_of, look
from thulium_dsl.grammar.validate import load
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.text import written

if not lab.HAS_ENGINE:
    pytest.skip("draws lines and pages", allow_module_level=True)

import lab_data

PAGES_DEV = lab.CHECKOUT.parent / "shared" / "data" / "pages-dev"
METS = '<?xml version="1.0"?><mets xmlns="http://www.loc.gov/METS/"/>'


def never(_place: Making, kind: str) -> None:
    raise AssertionError(f"made a project of {kind}")


def refused(source: Path, folder: Path, kind: str | None = None, copies: bool | None = None) -> str:
    """What is said of a source that no project is made of; a test fails that finds anything left of it."""
    before = sorted(folder.parent.iterdir())
    with pytest.raises(ThuliumError) as error:
        begin.begin(source, folder, kind, copies, never)
    assert sorted(folder.parent.iterdir()) == before
    return str(error.value)


def chosen(root: Path, kind: str | None = None) -> Choice:
    sight = look(root)
    return choose(sight, *kind_of(sight, kind, root))


def zipped(folder: Path, file: Path, *, top: str = "", **more: str) -> Path:
    with zipfile.ZipFile(file, "w") as opened:
        for path in sorted(folder.rglob("*")):
            opened.write(path, f"{top}{path.relative_to(folder)}")
        for name, text in more.items():
            opened.writestr(top + name.replace("_xml", ".xml"), text)
    return file


def entries(file: Path, *named: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in named:
            opened.writestr(name, content)
    return file


def write_custom(folder: Path) -> Path:
    return lab.write_data(folder)


def write_one_custom(folder: Path) -> Path:
    return lab.write_lines_folder(folder, [f"a text {number}" for number in range(30)])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of Transkribus: PAGE in folders page/ beside the images, and ALTO in alto/."""
    root = tmp_path_factory.mktemp("export") / "pages"
    lab_data.write_pages(root, "page")
    for file in list(root.rglob("*.xml")):
        (file.parent / "page").mkdir(exist_ok=True)
        (file.parent / "alto").mkdir(exist_ok=True)
        shutil.move(file, file.parent / "page" / file.name)
        text = lab_data.alto_xml(f"{file.stem}.png", (420, 320), 0)
        (file.parent / "alto" / file.name).write_text(text, encoding="utf-8")
    return root


def test_a_zip_becomes_a_committed_project_that_prepares(pages: Path, run: lab.Shell, tmp_path: Path) -> None:
    zipped(pages, tmp_path / "Mémoires 1742.zip", top="1234/Memoires/", mets_xml=METS, metadata_xml="<trpDocMetadata/>")
    said = run("thulium", "init", "--from", "Mémoires 1742.zip", cwd=tmp_path, code=None)
    assert said.returncode == 0, said.stderr
    project = tmp_path / "Memoires-1742"
    assert "6 files of PAGE 2019, 6 files of ALTO 4, 6 images" in said.stdout
    assert "24 lines with a text on 6 pages, 0 without" in said.stdout
    assert "--dataset alto takes the other" in said.stdout
    assert said.stdout.count("next:") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Memoires-1742", "Mémoires 1742.zip"]
    assert run("git", "status", "--short", cwd=project).stdout == ""
    kept = run("git", "ls-files", "data", cwd=project).stdout.split()
    assert kept == ["data/.gitignore", "data/pages.dvc"]
    run("thulium", "compile", "--check", cwd=project)
    assert "lines, wrote none" in run("thulium", "prepare", "--dry", cwd=project).stdout


def test_a_folder_may_stay_where_it_is(run: lab.Shell, tmp_path: Path) -> None:
    source = write_custom(tmp_path / "lines")
    run("git", "init", "--quiet", cwd=tmp_path)
    said = run("thulium", "init", "--from", "lines", "letters", "--in-place", cwd=tmp_path).stdout
    assert "git commit -m 'Start letters'" in said
    project = tmp_path / "letters"
    dataset = load(project / "params.yaml").experiment.dataset
    assert (dataset.train_dir, dataset.val_dir) == (str(source / "train"), str(source / "val"))
    assert not (project / "data").exists()
    run("thulium", "compile", "--check", cwd=project)


@pytest.mark.parametrize(
    ("write", "kind", "place"),
    [
        (lab_data.write_gt_txt, "gt_txt", "data/lines"),
        (lab_data.write_parquet, "parquet", "data/lines"),
        (lambda root: lab_data.write_pages(root, "alto"), "alto", "data/pages"),
        (lambda root: lab_data.write_pages(root, "page"), "page", "data/pages"),
    ],
    ids=["gt_txt", "parquet", "alto", "page"],
)
def test_the_kind_of_data_is_seen(write: Callable[[Path], Path], kind: str, place: str, tmp_path: Path) -> None:
    root = write(tmp_path / "data")
    choice = chosen(root)
    assert (choice.kind, choice.folders) == (kind, {root: place})
    assert choice.seen is not None
    assert (choice.seen.num_lines, choice.seen.is_divided(), choice.seen.scripts) == (24, True, ["Latin"])


def test_three_folders_with_labels_go_to_the_places_of_the_splits(tmp_path: Path) -> None:
    root = write_custom(tmp_path / "data")
    (root / "val").rename(root / "validation")
    choice = chosen(tmp_path)
    places = {"train": "data/train", "validation": "data/val", "test": "data/test"}
    assert choice.folders == {root / name: place for name, place in places.items()}
    assert choice.seen is not None
    assert choice.seen.lines == {"train": 8, "val": 2, "test": 3}


def test_one_folder_with_labels_becomes_pairs_that_can_be_divided(tmp_path: Path) -> None:
    source, made = write_one_custom(tmp_path / "lines"), []
    with pytest.raises(KeyboardInterrupt):
        begin.begin(source, tmp_path / "letters", None, None, lambda _place, kind: made.append(kind) or interrupt())
    assert made == ["gt_txt"]
    target = written_anew(pairs.of_labels(source), tmp_path / "pairs")
    assert (target / "007.gt.txt").read_text(encoding="utf-8") == "a text 7\n"
    assert (target / "007.png").read_bytes() == (source / "images" / "007.png").read_bytes()
    assert "one folder with labels.txt is written anew" in refused(source, tmp_path / "letters", copies=False)


def written_anew(form: pairs.Form | None, target: Path) -> Path:
    assert form is not None
    target.mkdir()
    form.write(target)
    return target


def interrupt() -> None:
    raise KeyboardInterrupt


def test_folders_named_train_val_and_test_decide(tmp_path: Path) -> None:
    for number, split in enumerate(("training", "dev", "test")):
        lab_data.write_gt_txt(tmp_path / split / "book", pages=number + 1)
    choice = chosen(tmp_path)
    assert choice.values == {"dataset.split.by": "given"}
    assert choice.seen is not None
    assert choice.seen.lines == {"train": 4, "val": 8, "test": 12}


def test_a_missing_part_is_named_and_the_test_is_not_mixed_with_it(tmp_path: Path) -> None:
    lab_data.write_gt_txt(tmp_path / "train")
    lab_data.write_gt_txt(tmp_path / "test")
    with pytest.raises(ThuliumError, match="has train and test, but no val\n.*move some pages of train"):
        chosen(tmp_path)


def test_few_pages_are_divided_by_another_seed_or_by_lines(tmp_path: Path) -> None:
    three = chosen(lab_data.write_pages(tmp_path / "three", "page", pages=3))
    assert set(three.values) == {"dataset.split.seed"}
    two = chosen(lab_data.write_pages(tmp_path / "two", "page", pages=2))
    assert two.values["dataset.split.by"] == "line"
    assert any("the test will look better than the model is" in remark for remark in two.remarks)
    for choice in (three, two):
        assert choice.seen is not None
        assert choice.seen.is_divided()


def test_too_few_lines_are_refused(tmp_path: Path) -> None:
    lab_data.write_gt_txt(tmp_path / "lines", pages=1, lines=2)
    with pytest.raises(ThuliumError, match="2 lines with a text are too few"):
        chosen(tmp_path / "lines")


def test_columns_of_another_name_are_found_where_only_one_can_be_meant(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    root = lab_data.write_parquet(tmp_path / "tables")
    table = pq.read_table(root / "lines.parquet")
    names = ["transcription" if name == "text" else name for name in table.column_names]
    pq.write_table(table.rename_columns(names), root / "lines.parquet")
    assert chosen(root).values["dataset.text_column"] == "transcription"
    assert chosen(root).values["dataset.page_column"] == "page"
    names = ["other" if name == "transcription" else name for name in names]
    pq.write_table(table.rename_columns(names), root / "lines.parquet")
    with pytest.raises(ThuliumError, match=r"which column is dataset\.text_column\? There are 'image', 'other'"):
        chosen(root)


def test_xml_of_something_else_is_left_out(pages: Path, tmp_path: Path) -> None:
    shutil.copytree(pages, tmp_path / "pages")
    (tmp_path / "pages" / "tei.xml").write_text('<TEI xmlns="http://www.tei-c.org/ns/1.0"/>')
    assert chosen(tmp_path / "pages").values["dataset.exclude"] == ["tei.xml"]


def test_of_page_and_alto_the_user_may_choose(pages: Path, tmp_path: Path) -> None:
    assert chosen(pages).kind == "page"
    assert chosen(pages, "alto").kind == "alto"
    assert "what is there is of --dataset page, --dataset alto" in refused(pages, tmp_path / "letters", "gt_txt")


@pytest.mark.parametrize(
    ("root", "is_"),
    [
        (f'<PcGts xmlns="{lab_data.PAGE_NS}">', ("PAGE", "2019")),
        (f'<p:PcGts xmlns:p="{lab_data.PAGE_NS.replace("2019-07", "2013-07")}"/>', ("PAGE", "2013")),
        (f'<alto xmlns="{lab_data.ALTO_NS}" SCHEMAVERSION="4.4">', ("ALTO", "4.4")),
        (f'<alto xmlns="{lab_data.ALTO_NS}">', ("ALTO", "4")),
        ("<alto/>", ("ALTO", "")),
        ('<TEI xmlns="http://www.tei-c.org/ns/1.0">', ("", "")),
        ('<!DOCTYPE a [<!ENTITY b "c">]><alto/>', None),
        ("no XML", None),
        ("", None),
    ],
)
def test_the_format_is_that_of_the_root_element(root: str, is_: tuple[str, str] | None, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(root)
    head = head_of(tmp_path / "a.xml")
    assert (head and (head.format, head.version)) == is_


def test_without_the_engine_the_files_are_told_apart_and_nothing_is_counted(
    pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_overview", lambda: None)
    choice = chosen(pages)
    assert (choice.kind, choice.seen) == ("page", None)
    assert "pip install 'thulium[training]'" in choice.remarks[0]


def test_what_holds_nothing_to_learn_from_is_refused_with_what_to_do(pages: Path, tmp_path: Path) -> None:
    said = {}
    for name, files in {
        "empty": {},
        "images": {"a.jpg": b"x", "b.png": b"x"},
        "zips": {"inner.zip": b"PK", "a.jpg": b"x"},
        "tei": {"a.xml": b"<TEI/>"},
        "broken": {"a.xml": b"<PcGts"},
        "notes": {"a.docx": b"x"},
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        said[name] = refused(folder, tmp_path / "letters")
    assert "is empty" in said["empty"]
    assert "holds 2 images and no transcriptions" in said["images"]
    assert "thulium predict MODEL FOLDER" in said["images"]
    assert "holds archives, such as inner.zip" in said["zips"]
    assert "is neither PAGE nor ALTO" in said["tei"]
    assert "cannot be read, such as a.xml" in said["broken"]
    assert "no PAGE, ALTO, labels.txt" in said["notes"]
    assert "no such folder or ZIP archive" in refused(tmp_path / "gone", tmp_path / "letters")
    assert "lies in" in refused(tmp_path / "notes", tmp_path / "notes" / "letters")


def test_pages_that_nobody_has_transcribed_are_refused(tmp_path: Path) -> None:
    root = lab_data.write_pages(tmp_path / "pages", "alto", pages=2)
    for file in root.rglob("*.xml"):
        file.write_text(file.read_text().replace('CONTENT="', 'CONTENT="" X="'))
    assert "8 lines, and nobody has transcribed one of them" in refused(root, tmp_path / "letters")


def test_all_that_cannot_be_copied_is_named_at_once(pages: Path, tmp_path: Path) -> None:
    shutil.copytree(pages, tmp_path / "pages")
    (tmp_path / "pages" / "gone.jpg").symlink_to("nothing.jpg")
    os.mkfifo(tmp_path / "pages" / "pipe.xml")
    said = refused(tmp_path / "pages", tmp_path / "letters")
    assert "gone.jpg: is a link to nothing" in said
    assert "pipe.xml: is a pipe or a device" in said


def test_a_large_folder_is_not_copied_unasked(pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begin, "COPIED_AT_MOST", 1000)
    said = refused(pages, tmp_path / "letters")
    assert "--copy copies it into the project" in said
    assert "--in-place leaves it where it is" in said


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ([("../a.xml", b"")], "'../a.xml' leads out of the folder"),
        ([("/a.xml", b"")], "'/a.xml' leads out of the folder"),
        ([("C:\\a.xml", b"")], "'C:/a.xml' leads out of the folder"),
        ([("a\\..\\..\\b.xml", b"")], "leads out of the folder"),
        ([("a.xml", b"1"), ("a.xml/b.xml", b"2")], "'a.xml/b.xml' lies in a file"),
        ([("a.xml", b"1"), ("A/../a.xml", b"2")], "leads out of the folder"),
        ([("a/" + "b" * 300, b"")], "cannot be the name of a file"),
        ([("a.xml", b"\0" * 70_000_000)], "times its size, which no export does"),
    ],
)
def test_a_zip_that_could_do_harm_is_refused(named: list[tuple[str, bytes]], says: str, tmp_path: Path) -> None:
    file = entries(tmp_path / "a.zip", *named)
    assert says in refused(file, tmp_path / "letters")


def test_a_zip_with_a_link_or_a_password_is_refused_and_all_is_said_at_once(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.xml")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    file = entries(tmp_path / "a.zip", (link, b"/etc/passwd"), ("../b.xml", b""), ("c.xml", b""))
    content = bytearray(file.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # says that the last one is encrypted
    file.write_bytes(content)
    said = refused(file, tmp_path / "letters")
    for part in ("'link.xml' is a link or a device", "'../b.xml' leads out", "needs a password"):
        assert part in said


@pytest.mark.parametrize(
    "cut, said", [(0, "is empty (0 bytes)"), (30, "is no ZIP archive, or a broken one"), (-40, "or a broken one")]
)
def test_a_broken_zip_is_refused(cut: int, said: str, pages: Path, tmp_path: Path) -> None:
    file = zipped(pages, tmp_path / "a.zip")
    file.write_bytes(file.read_bytes()[:cut])
    assert said in refused(file, tmp_path / "letters")


def test_a_zip_with_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = entries(tmp_path / "a.zip", (zipfile.ZipInfo("a.xml"), b"something"))
    file.write_bytes(file.read_bytes().replace(b"something", b"sometHing"))
    assert "is damaged (Bad CRC-32 for file 'a.xml')" in refused(file, tmp_path / "letters")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_whose_packed_bytes_are_damaged_is_refused(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as opened:
        opened.writestr("a.xml", os.urandom(500))
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[60:200] = b"\xff" * 140
    (tmp_path / "a.zip").write_bytes(content)
    assert "a.zip: is damaged (" in refused(tmp_path / "a.zip", tmp_path / "letters")


def test_names_in_a_zip_are_read_as_what_they_are(tmp_path: Path) -> None:
    """As UTF-8 that does not say so, as macOS writes it; what it adds besides is passed over."""
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as opened:
        opened.writestr("AAAA.xml", b"1")
        opened.writestr("BBB.xml", b"2")
        opened.writestr("__MACOSX/._A.xml", b"3")
    raw = (tmp_path / "b.zip").read_bytes().replace(b"AAAA", "éé".encode()).replace(b"BBB", b"\x82\xff\x84")
    file.write_bytes(raw)
    target = tmp_path / "target"
    target.mkdir()
    remarks = archive.unpack(file, target)
    assert (target / "éé.xml").read_bytes() == b"1"
    assert len(list(target.iterdir())) == 2
    assert "do not say in which encoding they are" in remarks[0]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("Gr\u00f6\u00dfe.zip", "Groesse"),
        ("Gro\u0308\u00dfe", "Groesse"),
        ("\u00dcberlieferung \u00e0 c\u0153ur.ZIP", "Ueberlieferung-a-coeur"),
        ("\u65e5\u672c", "lines"),
    ],
)
def test_a_project_without_a_name_has_that_of_its_data_in_ascii(source: str, name: str, tmp_path: Path) -> None:
    assert begin.name_of(tmp_path / source) == name


def test_what_is_interrupted_leaves_nothing(pages: Path, tmp_path: Path) -> None:
    file = zipped(pages, tmp_path / "a.zip")
    folder = tmp_path / "below" / "letters"

    def make(place: Making, _kind: str) -> None:
        (place.project / "data").mkdir(parents=True)
        raise KeyboardInterrupt

    for source in (file, pages):
        with pytest.raises(KeyboardInterrupt):
            begin.begin(source, folder, None, None, make)
        assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.long
def test_what_is_killed_leaves_nothing_that_looks_like_a_project_and_the_same_command_starts_anew(
    run: lab.Shell, tmp_path: Path
) -> None:
    """Inside a repository, whose index may have got files of the one that was killed, too."""
    lab_data.write_gt_txt(tmp_path / "export")
    run("git", "init", "--quiet", cwd=tmp_path)
    words = ("thulium", "init", "--from", "export", "letters")
    process = run.start(*words, cwd=tmp_path)
    while not list((tmp_path / ".letters.thulium-init").glob("letters/data/**/*.png")):
        assert process.poll() is None, "it ended before it was killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    run("git", "add", "--force", ".letters.thulium-init", cwd=tmp_path)
    assert not (tmp_path / "letters").exists()
    run(*words, cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "export", "letters"]
    tracked = run("git", "ls-files", cwd=tmp_path).stdout.split()
    assert "letters/params.yaml" in tracked
    assert "letters/data/lines.dvc" in tracked
    assert not [name for name in tracked if not name.startswith("letters/")]
    run("thulium", "compile", "--check", cwd=tmp_path / "letters")
    assert run("dvc", "status", "--quiet", "data/lines.dvc", cwd=tmp_path / "letters").stdout == ""


def test_what_a_killed_command_has_left_goes_before_a_project_is_made(run: lab.Shell, tmp_path: Path) -> None:
    run("git", "init", "--quiet", cwd=tmp_path)
    left = tmp_path / ".letters.thulium-init" / "letters"
    left.mkdir(parents=True)
    (left / "params.yaml").write_text("half of it\n")
    run("git", "add", "--force", ".", cwd=tmp_path)
    with making(tmp_path / "letters") as place:
        assert not place.project.exists()
        place.project.mkdir()
        (place.project / "README.md").write_text("new\n")
        run("git", "add", ".", cwd=place.project)  # as the template's hook does
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "letters"]
    assert run("git", "ls-files", cwd=tmp_path).stdout == "letters/README.md\n"


def test_what_was_chosen_for_each_export_becomes_a_source(tmp_path: Path) -> None:
    tables, lines = (
        chosen(lab_data.write_parquet(tmp_path / "tables")),
        chosen(lab_data.write_gt_txt(tmp_path / "a", 2)),
    )
    for name, choice in (("tables", tables), ("lines", lines)):
        several._put_below(choice, name)
    whole = several._merged([("tables", tables, True), ("lines", lines, False)])
    assert list(whole.folders.values()) == ["data/tables"]
    text = "\n".join(written.block("dataset", whole.values["dataset"])) + "\n"
    (tmp_path / "params.yaml").write_text(text)
    first, second = load(tmp_path / "params.yaml").experiment.dataset.sources
    assert (first.type, first.root, first.page_column) == ("parquet", "data/tables", "page")
    assert (second.type, second.root, second.split_by) == ("gt_txt", "data/lines", "line")
    assert "source lines: split_by line: 2 pages cannot be divided into three parts" in whole.reasons


@pytest.mark.long
def test_several_exports_become_sources_of_one_project(run: lab.Shell, tmp_path: Path) -> None:
    lab_data.write_pages(tmp_path / "export", "page", 12)
    write_custom(tmp_path / "old" / "lines")
    words = ("thulium", "init", "court", "--from", "export", "--from", "old/lines")
    said = run(*words, cwd=tmp_path).stdout
    project = tmp_path / "court"
    assert "source export: type page: PAGE is what is there" in said
    assert "source lines: train_dir, val_dir and test_dir: the three folders with labels.txt" in said
    first, second = load(project / "params.yaml").experiment.dataset.sources
    assert (first.name, first.type, first.root) == ("export", "page", "data/export")
    assert (second.name, second.type, second.val_dir) == ("lines", "custom", "data/lines/val")
    assert "`data/export`, `data/lines`" in (project / "README.md").read_text()
    assert run("git", "status", "--short", cwd=project).stdout == ""
    kept = run("git", "ls-files", "data/*.dvc", cwd=project).stdout.split()
    assert kept == ["data/export.dvc", *(f"data/lines/{split}.dvc" for split in ("test", "train", "val"))]
    run("thulium", "compile", "--check", cwd=project)


def test_sources_that_have_the_same_lines_are_refused(pages: Path, tmp_path: Path) -> None:
    for other, says in ((pages / "doc0", "whose lines it has: name one of them"), (pages, "is named twice")):
        with pytest.raises(ThuliumError, match=says):
            several.begin_several([pages, other], tmp_path / "letters", None, None, lambda *_: never(*_[:2]))
    assert list(tmp_path.iterdir()) == []
    assert several.names_of([Path("a/lines"), Path("b/lines.zip"), Path("c")]) == ["lines", "lines-2", "c"]


def test_two_commands_do_not_make_one_project(pages: Path, tmp_path: Path) -> None:
    with making(tmp_path / "letters") as place:
        place.project.mkdir()
        with (
            pytest.raises(ThuliumError, match="letters: another `thulium init` is making it: wait"),
            making(tmp_path / "letters"),
        ):
            raise AssertionError("two of them")
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_slips_of_the_hand(run: lab.Shell, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    done = run("thulium", "init", "--from", "export", cwd=tmp_path, code=2)
    assert done.stderr.startswith("export exists already: name a new folder, as in: thulium init --from export")


@pytest.mark.skipif(not PAGES_DEV.is_dir(), reason="the pages that are tried here are not there")
@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("timeus-page+alto", "page", {}),
        ("bronod-page+alto", "page", {"dataset.split.by": "line"}),
        ("peraire-alto", "alto", {}),
    ],
)
def test_real_exports_fit(name: str, kind: str, values: dict[str, str]) -> None:
    choice = chosen(PAGES_DEV / name)
    assert (choice.kind, choice.values) == (kind, values)
    assert choice.seen is not None
    assert choice.seen.is_divided()


def test_a_table_named_by_itself_is_told_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "lines.parquet").write_bytes(b"PAR1PAR1")
    said = refused(tmp_path / "lines.parquet", tmp_path / "letters")
    assert "name the folder in which transcriptions and images lie" in said
