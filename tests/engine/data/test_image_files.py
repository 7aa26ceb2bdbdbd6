"""Image files as people have them: kinds, several pictures, pictures that lie on their side."""

import io
import os
import struct
import subprocess
import time
import zlib
from pathlib import Path

import lab
import numpy as np
import odd_images
import pytest
from odd_images import ON_THEIR_SIDE, UPRIGHT, lying, saved
from PIL import Image

from thulium.data.images import formats
from thulium.data.images.files import ImageFault, opened, orientation_of, stored_size
from thulium.data.images.grey import open_grey

SEVERAL = r"holds {} pictures, and nothing says which one is meant: save each as a file of its own"


@pytest.mark.parametrize("is_file", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ON_THEIR_SIDE)
def test_a_picture_on_its_side_is_turned_or_left_as_it_lies(tmp_path, kind, orientation, is_file):
    content = ON_THEIR_SIDE[kind](orientation)
    (tmp_path / "a.img").write_bytes(content)
    source = (tmp_path / "a.img") if is_file else io.BytesIO(content)
    with opened(source, max_pixels=10_000) as image:
        assert stored_size(image) == lying(orientation).shape[::-1]
        assert orientation_of(image) == orientation
    for turn, expected in ((True, UPRIGHT), (False, lying(orientation))):
        found = np.asarray(open_grey(source, turn=turn))
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).max() < 40, "lossy kinds blur the corners"
        assert np.abs(found.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif_that_is_none_turns_nothing(kind):
    content = saved(Image.fromarray(UPRIGHT), kind, exif=b"Exif\0\0 garbage, garbage")
    assert open_grey(io.BytesIO(content)).size == (40, 24)


def pages(*sizes, **tags):
    """A TIFF of pictures of these sizes; tags of the later ones by number."""
    later = {int(name.removeprefix("tag")): value for name, value in tags.items()}
    pictures = [(np.full(size[::-1], 99, np.uint8), later if place else {}) for place, size in enumerate(sizes)]
    return odd_images.tiff(*pictures)


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (pages((40, 30), (40, 30)), 2),
        (pages((40, 30), (40, 30), (40, 30)), 3),
        (pages((40, 30), (19, 15)), 2),  # not half of it
        (pages((40, 30), (40, 30), tag254=2), 2),  # marked as a page of several
        (pages((40, 30), (80, 60)), 2),
        (
            saved(Image.new("L", (9, 9)), "GIF", save_all=True, append_images=[Image.new("L", (9, 9), 200)]),
            2,
        ),
        (
            saved(Image.new("L", (9, 9)), "PNG", save_all=True, append_images=[Image.new("L", (9, 9), 200)]),
            2,
        ),
        (
            saved(Image.new("RGB", (9, 9)), "WEBP", save_all=True, append_images=[Image.new("RGB", (9, 9), "red")]),
            2,
        ),
        (b"P5 9 9 255\n" + bytes(81) + b"P5 9 9 255\n" + bytes(81), "several"),
        (b"P4 9 9\n" + bytes(18) + b"P4 9 9\n" + bytes(18), "several"),
        (b"P6 9 9 65535\n" + bytes(486) + b"P6 9 9 65535\n" + bytes(486), "several"),
    ],
)
def test_several_pictures_are_refused_with_their_number(content, number):
    with pytest.raises(ImageFault, match=SEVERAL.format(number)):
        open_grey(io.BytesIO(content))


@pytest.mark.parametrize(
    "content",
    [
        pages((40, 30)),
        pages((41, 30), (20, 15), (10, 7)),  # a pyramid that rounds down
        pages((41, 31), (21, 16), (11, 8), (6, 4)),  # one that rounds up
        pages((40, 30), (40, 30), tag254=4),  # a mask
        pages((40, 30), (7, 7), tag254=1),  # a small copy
        pages((40, 30), (7, 7), tag255=2),  # the same, as it was written before 1992
        pages((40, 30), (0, 0)),  # words about the picture
        saved(Image.new("L", (40, 30), 99), "GIF"),
        saved(Image.new("L", (40, 30), 99), "MPO", save_all=True, append_images=[Image.new("L", (80, 60))]),
        b"P5 40 30 255\n" + bytes([99]) * 1200 + b"\n",
    ],
)
def test_one_picture_beside_copies_of_it_is_read(content):
    image = open_grey(io.BytesIO(content))
    assert (image.height, image.getpixel((3, 3))) in ((30, 99), (31, 99))


def test_the_picture_behind_its_small_copy_is_read():
    small, whole = np.full((10, 10), 50, np.uint8), np.full((30, 40), 99, np.uint8)
    image = open_grey(io.BytesIO(odd_images.tiff((small, {254: 1}), (whole, {}))))
    assert (image.size, image.getpixel((3, 3))) == ((40, 30), 99)


def test_a_raw_picture_of_a_camera_is_not_taken_for_its_small_copy():
    with pytest.raises(ImageFault, match="holds a camera's raw picture and a small copy of it"):
        open_grey(io.BytesIO(odd_images.tiff((UPRIGHT, {254: 1, 330: 8}))))


def test_a_chain_of_directories_that_bites_its_tail_ends():
    content = bytearray(pages((40, 30)))
    content[-4:] = content[4:8]  # the next directory is the first
    assert open_grey(io.BytesIO(bytes(content))).size == (40, 30)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (saved(Image.new("L", (9, 9)), "PDF"), "is a PDF, which is not read: save it as PNG"),
        (saved(Image.new("L", (9, 9)), "EPS"), "is PostScript, which is not read"),
        (b"8BPS\0\1" + bytes(40), "is a Photoshop file, which is not read"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "is a HEIC image, which is not read"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), "is a video, which is not read"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "is a web page, which is not read"),
        (b"PK\x03\x04" + bytes(40), "is a ZIP archive, which is not read"),
        (
            odd_images.tiff((UPRIGHT.astype(np.float64), {})),
            "is a TIFF that is damaged, or of a kind that cannot",
        ),
        (b"\xff\xd8\xff\xf7\x00\x0b\x08" + bytes(40), "is a JPEG that is damaged, or of a kind that cannot be decoded"),
        (saved(Image.new("L", (9, 9)), "PCX"), "is not an image that can be read"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "is a Git LFS pointer.*git lfs pull"),
        (b"/annex/objects/SHA256E-s9--0.png\n", "is a git-annex pointer.*git annex get"),
    ],
)
def test_what_is_no_image_is_called_what_it_is(tmp_path, content, message):
    (tmp_path / "a.png").write_bytes(content)
    for source in (tmp_path / "a.png", io.BytesIO(content)):
        with pytest.raises(ImageFault, match=message):
            open_grey(source)


def test_no_program_is_started_for_an_image(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("a program was started"))
    monkeypatch.setattr(subprocess, "check_call", lambda *a, **k: pytest.fail("a program was started"))
    (tmp_path / "a.png").write_bytes(saved(Image.new("L", (9, 9)), "EPS"))
    with pytest.raises(ImageFault):
        open_grey(tmp_path / "a.png")


def test_each_open_names_its_formats():
    calls = [
        (path.name, line)
        for path in (lab.CHECKOUT / "thulium").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "Image.open(" in line
    ]
    assert calls
    assert [call for call in calls if "formats=" not in call[1]] == []


def test_the_endings_are_those_of_the_formats():
    more = ".jp2 .j2k .jpx .jfif .jpe .pgm .pbm .ppm .pnm .dib .mpo .png .jpg .jpeg .tif .tiff .bmp .webp .gif"
    assert set(more.split()) <= formats.IMAGE_ENDINGS
    assert not formats.IMAGE_ENDINGS & formats.NOT_READ.keys()
    assert not formats.IMAGE_ENDINGS & {".pdf", ".eps", ".ps", ".psd", ".svg", ".txt", ".xml"}
    assert "EPS" not in formats.FORMATS


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageFault, match="is a pipe or a device, not a file"):
        open_grey(tmp_path / "a.png")


def test_an_image_without_pixels_is_refused():
    head = struct.pack(">IIBBBBB", 0, 9, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + odd_images.chunk(b"IHDR", head) + odd_images.chunk(b"IDAT", zlib.compress(b""))
    with pytest.raises(ImageFault, match=r"no pixels|not an image|cannot be decoded"):
        open_grey(io.BytesIO(content))


@pytest.mark.parametrize("how", [{"compression": "group4"}, {"compression": "group3"}, {"compression": "tiff_lzw"}, {}])
def test_a_tiff_that_is_cut_off_is_refused(tmp_path, how):
    image = Image.effect_noise((300, 200), 90).convert("1")
    image.save(tmp_path / "whole.tif", **how)
    assert open_grey(tmp_path / "whole.tif").size == (300, 200)
    content = (tmp_path / "whole.tif").read_bytes()
    for share in (0.1, 0.5, 0.9):
        (tmp_path / "cut.tif").write_bytes(content[: int(share * len(content))])
        with pytest.raises(ImageFault, match=r"cannot be decoded|not an image"):
            open_grey(tmp_path / "cut.tif")


def test_a_link_of_git_annex_to_nothing_says_what_to_run(tmp_path):
    (tmp_path / "a.png").symlink_to(Path("../.git/annex/objects/a/b/SHA256E-s9--0.png/SHA256E-s9--0.png"))
    with pytest.raises(ImageFault, match="is a link of git-annex to a file that is not here: run git annex get"):
        open_grey(tmp_path / "a.png")


def test_damaged_files_are_images_or_faults_and_nothing_else():
    random = np.random.default_rng(1)
    line = Image.effect_noise((90, 30), 60)
    how = {"PNG": {}, "JPEG": {}, "GIF": {}, "TIFF": {"compression": "tiff_lzw"}, "BMP": {}, "WEBP": {}, "PPM": {}}
    seeds = [saved(line.convert("RGB") if kind == "WEBP" else line, kind, **more) for kind, more in how.items()]
    seeds += [pages((40, 30), (20, 15)), ON_THEIR_SIDE["TIFF, 16 bits"](6), ON_THEIR_SIDE["PNG, XMP"](5)]
    outcomes = {True: 0, False: 0}
    for number in range(1000):
        content = bytearray(seeds[number % len(seeds)])
        for place in random.integers(0, min(len(content), 300), size=random.integers(1, 6)):
            content[place] = random.integers(0, 256)
        try:
            outcomes[open_grey(io.BytesIO(bytes(content)), max_pixels=10_000_000).mode == "L"] += 1
        except ImageFault:
            outcomes[False] += 1
    assert min(outcomes.values()) > 100


def test_a_tiff_of_countless_tags_takes_no_time():
    content = bytearray(odd_images.tiff((UPRIGHT, {})))
    where = len(content)
    content[4:8] = struct.pack("<L", where)
    for _ in range(1000):  # each directory reaches into the next ones
        content += struct.pack("<H", 65_535) + bytes(2) + struct.pack("<L", len(content) + 8)
    content += bytes(12 * 65_535)
    start = time.process_time()
    with pytest.raises(ImageFault):
        open_grey(io.BytesIO(bytes(content)))
    assert time.process_time() - start < 5
