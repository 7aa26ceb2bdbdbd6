"""Where the image of a PAGE or ALTO file is looked for, and where it is not."""

import lab_data
import numpy as np
import pytest
from odd_images import ON_THEIR_SIDE, UPRIGHT, lying
from PIL import Image

from thulium.data.line import Fault
from thulium.ingest.readers import image_search
from thulium.ingest.readers.image_search import find
from thulium.ingest.readers.page_image import open_page_image
from thulium.ingest.readers.xmlfile import PageFault
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse


@pytest.fixture(autouse=True)
def no_memory():
    for remembered in (image_search._listed, image_search._by_stem, image_search._below):
        remembered.cache_clear()


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def found(root, xml, named):
    put(root, xml)
    return find(root / xml, root, named).relative_to(root).as_posix()


def fault(root, xml, named):
    put(root, xml)
    with pytest.raises(PageFault) as caught:
        find(root / xml, root, named)
    return str(caught.value).replace(f"{root}/", "")


@pytest.mark.parametrize(
    ("xml", "named", "image"),
    [
        ("book/OCR-D-SEG/p1.xml", "OCR-D-IMG/x.png", "book/OCR-D-IMG/x.png"),  # from the folder of mets.xml
        ("book/a/b/c/p1.xml", "OCR-D-IMG/x.png", "OCR-D-IMG/x.png"),  # from any folder above
        ("book/xml/p1.xml", "../scans/x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "./../scans//x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "..\\scans\\x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "sub/x.png", "book/xml/sub/x.png"),
        ("book/xml/p1.xml", "C:\\work\\book\\scans\\x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "\\\\server\\work\\scans\\x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "/exports/book/scans/x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "file:///exports/scans/x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "file://scans/x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "file:scans/x.png", "book/scans/x.png"),
        ("book/xml/p1.xml", "https://example.org/scans/x.png?v=2#a", "book/scans/x.png"),
        ("book/xml/p1.xml", "scans/a%20b.png", "book/scans/a b.png"),
        ("book/xml/p1.xml", "scans/100%25.png", "book/scans/100%25.png"),
        ("book/xml/p1.xml", "scans/a#1.png", "book/scans/a#1.png"),
        ("book/xml/p1.xml", "scans/cafe\u0301.png", "book/scans/caf\u00e9.png"),
        ("book/xml/p1.xml", "scans/caf\u00e9.png", "book/scans/cafe\u0301.png"),
        ("book/xml/p1.xml", "x.png", "x.png"),  # a bare name, in any folder above
        ("book/xml/p1.xml", "x", "book/x"),  # an image without an ending, by its name
        ("book/xml/p1.xml", "gone.tif", "book/xml/gone.jp2"),  # another ending
        ("book/xml/p1.xml", "", "book/p1.jfif"),  # by the name of the XML
        ("book/xml/p1.xml", "p1.pdf", "book/xml/p1.PGM"),
    ],
)
def test_the_named_image_is_found(tmp_path, xml, named, image):
    put(tmp_path, image)
    assert found(tmp_path, xml, named) == image


def test_of_two_that_fit_the_named_path_nearest_to_the_xml_is_taken(tmp_path):
    put(tmp_path, "img/x.png", "book/img/x.png", "book/xml/x.png", "book/x.png")
    assert found(tmp_path, "book/xml/p1.xml", "img/x.png") == "book/img/x.png"
    put(tmp_path, "book/xml/img/x.png")
    assert found(tmp_path, "book/xml/p1.xml", "img/x.png") == "book/xml/img/x.png"


def test_of_a_path_of_another_machine_the_longest_end_counts_first(tmp_path):
    put(tmp_path, "b2/scans/x.png", "b1/xml/scans/x.png")
    assert found(tmp_path, "b1/xml/p1.xml", "/exports/b2/scans/x.png") == "b2/scans/x.png"


def test_a_bare_name_is_looked_for_as_it_was_before(tmp_path):
    put(tmp_path, "x.png", "book/xml/images/x.png")
    assert found(tmp_path, "book/xml/p1.xml", "x.png") == "book/xml/images/x.png"


def test_a_pdf_beside_the_image_is_not_taken_for_it(tmp_path):
    put(tmp_path, "p1.pdf", "p1.png")
    assert found(tmp_path, "p1.xml", "p1.pdf") == "p1.png"
    assert found(tmp_path, "p1.xml", "") == "p1.png"


def test_where_two_have_the_name_the_usual_kinds_go_first(tmp_path):
    put(tmp_path, "p1.jp2", "p1.tif", "p1.png", "p1.avif")
    assert found(tmp_path, "p1.xml", "") == "p1.png"


@pytest.mark.parametrize(
    ("xml", "named", "image"),
    [
        ("PH 1.xml", "PH 1.jpg", "ph 1.jpg"),
        ("page/PH 1.xml", "PH 1.jpg", "images/ph 1.JPG"),
        ("page/PH 1.xml", "PH 1.jpg", "Ph 1.tif"),  # the ending may be another, as everywhere
        ("page/0001.xml", "scans/PH 1.jpg", "scans/ph 1.jpg"),
        ("a/b/page/0001.xml", "PH 1.jpg", "ph 1.jpg"),  # a bare name, in any folder above
        ("page/PH 1.xml", "", "page/ph 1.png"),
        ("page/p1.xml", "caf\u00e9.png", "page/CAFE\u0301.png"),
    ],
)
def test_the_only_image_that_differs_by_capitals_is_found(tmp_path, xml, named, image):
    put(tmp_path, image, "page/other.jpg")
    assert found(tmp_path, xml, named) == image


def test_of_images_that_differ_by_capitals_the_named_kind_is_taken_and_else_none(tmp_path):
    put(tmp_path, "ph 1.jpg", "Ph 1.png")
    assert found(tmp_path, "page/x.xml", "PH 1.jpg") == "ph 1.jpg"
    assert fault(tmp_path, "page/x.xml", "PH 1.tif") == (
        "names the image 'PH 1.tif', which is not there; ph 1.jpg and Ph 1.png fit but for capitals: "
        "give the one that is meant the exact name"
    )
    put(tmp_path, "page/images/PH 1.jpg")
    assert found(tmp_path, "page/x.xml", "PH 1.jpg") == "page/images/PH 1.jpg"


def test_one_folder_behind_two_names_holds_one_image(tmp_path):
    put(tmp_path, "scans/ph 1.jpg")
    (tmp_path / "images").symlink_to("scans")
    (tmp_path / "img").symlink_to("scans")
    assert found(tmp_path, "PH 1.xml", "PH 1.jpg") == "images/ph 1.jpg"


def test_an_image_that_dvc_has_not_brought_is_not_another_one(tmp_path):
    put(tmp_path, "PH 1.jpg.dvc", "images/ph 1.jpg")
    assert "only PH 1.jpg.dvc is, which stands for it" in fault(tmp_path, "PH 1.xml", "PH 1.jpg")


@pytest.mark.parametrize("image", ["PH 1.jpg", "ph 1.TIF"])
def test_an_image_that_lies_elsewhere_is_named_and_not_taken(tmp_path, image):
    put(tmp_path, f"scans/{image}", "scans/other.jpg")
    beginning = f"names the image 'PH 1.jpg', which is not there; scans/{image} fits by its name, but lies where none"
    help_ = "is looked for: if it is the one, move it into"
    said = fault(tmp_path, "PH 1.xml", "PH 1.jpg").replace(str(tmp_path), ".")
    assert said == f"{beginning} {help_} ., or call its folder images"
    said = fault(tmp_path, "page/PH 1.xml", "PH 1.jpg").replace(str(tmp_path), ".")
    assert said == f"{beginning} {help_} one of page, ., or call its folder images"
    put(tmp_path, "images/x.jpg")
    said = fault(tmp_path, "page/PH 1.xml", "PH 1.jpg").replace(str(tmp_path), ".")
    assert said == f"{beginning} {help_} one of page, ., images"
    (tmp_path / "scans" / image).rename(tmp_path / "images" / image)
    assert found(tmp_path, "page/PH 1.xml", "PH 1.jpg") == f"images/{image}"


def test_of_several_images_elsewhere_none_is_chosen(tmp_path):
    put(tmp_path, "a/PH 1.jpg", "b/c/ph 1.png", "b/PH 1.tif", "d/PH 1.jpg", "d/PH 2.jpg")
    said = fault(tmp_path, "page/PH 1.xml", "PH 1.jpg")
    assert "; a/PH 1.jpg, b/PH 1.tif, b/c/ph 1.png and 1 more fit by their names, but lie where none is looked" in said
    assert "put the one that is meant into one of page, " in said


def test_the_data_are_walked_through_once_however_many_images_are_missing(tmp_path, monkeypatch):
    walked, walk = [], image_search.walk
    monkeypatch.setattr(image_search, "walk", lambda root: walked.append(root) or walk(root))
    lab_data.write_pages(tmp_path, "page", pages=6)
    for folder in sorted(tmp_path.iterdir()):
        (folder / "scans").mkdir()
        for image in folder.glob("*.png"):
            image.rename(folder / "scans" / image.name.upper())
    faults = lines_of(tmp_path, "page")
    assert {item.reason for item in faults} == {"missing image"}
    assert all("/scans/P" in item.what for item in faults)
    assert (len(faults), len(walked)) == (6, 1)


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_pages_keep_their_names_whatever_the_capitals_of_their_images(tmp_path, kind):
    for name in ("same", "capitals"):
        lab_data.write_pages(tmp_path / name, kind, pages=2)
    for image in list((tmp_path / "capitals").rglob("*.png")):
        image.rename(image.with_name(image.name.upper()))
    lines = [
        [(line.id, line.page, line.document, line.text) for line in lines_of(tmp_path / n, kind)]
        for n in ("same", "capitals")
    ]
    assert lines[0] == lines[1] != []


def test_nothing_outside_of_the_root_is_read(tmp_path):
    root = tmp_path / "root"
    put(tmp_path, "secret.png", "scans/secret.png")
    what = fault(root, "xml/p1.xml", "../../secret.png")
    assert what.startswith("names the image '../../secret.png', which leads out of dataset.root, where nothing is read")
    assert "is not there" in fault(root, "xml/p1.xml", str(tmp_path / "secret.png"))
    assert "is not there" in fault(root, "xml/p1.xml", f"file://{tmp_path}/scans/secret.png")
    (root / "link").symlink_to(tmp_path / "scans")
    assert found(root, "xml/p1.xml", "link/secret.png") == "link/secret.png"  # links of the root are followed
    assert "is not there" in fault(root, "xml/p1.xml", "link/../secret.png")  # but what is above their end is not


@pytest.mark.parametrize(
    ("there", "named", "message"),
    [
        ("xml/p1.pdf", "p1.png", "its image is xml/p1.pdf, and PDF is not read: save that as PNG or TIFF beside it"),
        ("scans/p1.heic", "scans/p1.heic", "its image is scans/p1.heic, and HEIC is not read"),
        (
            "xml/x.png.dvc",
            "x.png",
            "names the image 'x.png', which is not here, only x.png.dvc is, which stands for it",
        ),
        ("scans/x.png.dvc", "scans/x.png", "only x.png.dvc is, which stands for it: run dvc pull"),
        ("xml/x.png/a", "x.png", "names the image 'x.png', but xml/x.png is not a file: put the image there"),
    ],
)
def test_what_stands_in_the_place_of_an_image_is_said(tmp_path, there, named, message):
    put(tmp_path, there)
    assert message in fault(tmp_path, "xml/p1.xml", named)


def test_links_to_nothing_are_said(tmp_path):
    put(tmp_path, "p1.xml")
    (tmp_path / "a.png").symlink_to("nowhere.png")
    assert "but a.png is a link to a file that does not exist" in fault(tmp_path, "p1.xml", "a.png")
    (tmp_path / "b.png").symlink_to(".git/annex/objects/a/b.png")
    assert "is a link of git-annex to a file that is not here: run git annex get" in fault(tmp_path, "p1.xml", "b.png")


def test_a_relative_root_is_as_good(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "data/scans/x.png", "data/xml/p1.xml", "x.png")
    from pathlib import Path

    assert find(Path("data/xml/p1.xml"), Path("data"), "../scans/x.png") == Path("data/scans/x.png")
    assert find(Path("data/xml/p1.xml"), Path("."), "../../x.png") == Path("x.png")
    with pytest.raises(PageFault, match=r"leads out of dataset\.root"):
        find(Path("data/xml/p1.xml"), Path("data"), "../../x.png")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ON_THEIR_SIDE)
def test_a_page_is_seen_as_its_xml_was_made(tmp_path, kind, orientation):
    put(tmp_path, "p1.xml")
    (tmp_path / "p1.png").write_bytes(ON_THEIR_SIDE[kind](orientation))
    upright = open_page_image(tmp_path / "p1.xml", tmp_path, "p1.png", (80, 48))  # twice the picture's size
    assert (upright.size, upright.scale) == ((40, 24), (0.5, 0.5))
    assert np.abs(np.asarray(upright.grey()).astype(int) - UPRIGHT).mean() < 4
    if orientation >= 5:
        as_stored = open_page_image(tmp_path / "p1.xml", tmp_path, "p1.png", (24, 40))
        assert np.abs(np.asarray(as_stored.grey()).astype(int) - lying(orientation)).mean() < 4


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_both_kinds_of_xml_find_an_image_by_a_path_from_above(tmp_path, kind):
    lab_data.write_pages(tmp_path, kind, pages=1)
    (tmp_path / "doc0" / "OCR-D-IMG").mkdir()
    (tmp_path / "doc0" / "p0.png").rename(tmp_path / "doc0" / "OCR-D-IMG" / "scan.png")
    (tmp_path / "doc0" / "xml").mkdir()
    text = (tmp_path / "doc0" / "p0.xml").read_text(encoding="utf-8").replace("p0.png", "OCR-D-IMG/scan.png")
    (tmp_path / "doc0" / "xml" / "p0.xml").write_text(text, encoding="utf-8")
    (tmp_path / "doc0" / "p0.xml").unlink()
    assert [item for item in lines_of(tmp_path, kind) if isinstance(item, Fault)] == []
    assert len(lines_of(tmp_path, kind)) == 4


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_a_tiff_of_several_pages_is_no_page(tmp_path, kind):
    lab_data.write_pages(tmp_path, kind, pages=1)
    with Image.open(tmp_path / "doc0" / "p0.png") as image:
        image.save(tmp_path / "doc0" / "p0.tif", save_all=True, append_images=[image.copy(), image.copy()])
    (tmp_path / "doc0" / "p0.png").unlink()
    (only,) = lines_of(tmp_path, kind)
    assert only.reason == "unreadable image"
    assert "p0.tif holds 3 pictures, and nothing says which one is meant" in only.what


def test_a_tiff_of_all_pages_is_named_where_their_images_are_missing(tmp_path):
    pages = [Image.new("L", (40, 24), shade) for shade in (0, 100, 200)]
    (tmp_path / "book").mkdir()
    pages[0].save(tmp_path / "book" / "only.tif")
    assert "p1.*: put it into one of book, " in fault(tmp_path, "book/p1.xml", "p1.jpg")
    pages[0].save(tmp_path / "book" / "z.tif", save_all=True, append_images=pages[1:])
    what = "names the image 'p1.jpg', which is not there, and book/z.tif holds 3 images: save each as a file of its own"
    assert fault(tmp_path, "book/p1.xml", "p1.jpg").startswith(what)


def test_one_folder_is_not_called_one_of_several(tmp_path):
    assert fault(tmp_path / "book", "p1.xml", "p1.jpg").endswith(
        f"nor is there an image p1.*: put it into {tmp_path}/book"
    )


def lines_of(root, kind):
    from thulium.ingest.readers import READERS

    dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{root}'}}")).dataset
    return [item for unit in READERS[kind].units(dataset) for item in READERS[kind].read(unit, dataset)]
