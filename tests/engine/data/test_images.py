"""From an image file to the line that a model reads."""

import numpy as np
import pytest
from PIL import Image

from thulium.data.images.files import ImageFault
from thulium.data.images.grey import encode_png, is_too_wide, open_grey, preprocess, stretch_contrast
from thulium_dsl.grammar.spec import PreprocessingSpec


def preprocessing(**changes):
    values = {"height": 32, "min_width": 8, "max_width": 400, "normalize": False, "wide_lines": "squeeze"}
    return PreprocessingSpec(**(values | changes))


def ramp(mode="L", size=(60, 20)):
    values = np.tile(np.linspace(0, 255, size[0]).astype(np.uint8), (size[1], 1))
    return Image.fromarray(values).convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "1", "LA", "RGBA", "I;16"])
def test_every_mode_becomes_the_same_grey(tmp_path, mode):
    image = Image.fromarray(np.asarray(ramp()).astype(np.uint16) * 257) if mode == "I;16" else ramp(mode)
    path = tmp_path / ("line.tif" if mode in ("CMYK", "I;16") else "line.png")
    image.save(path)
    grey = open_grey(path)
    assert grey.mode == "L"
    smooth = (1, 1) if mode == "1" else ramp().size  # one bit is grey only on average
    expected, found = (np.asarray(image.resize(smooth, Image.Resampling.BOX), float) for image in (ramp(), grey))
    assert np.abs(found - expected).mean() < 10


def test_transparency_is_paper(tmp_path):
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert open_grey(tmp_path / "a.png").getextrema() == (255, 255)


def test_a_picture_lying_on_its_side_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp(size=(60, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert open_grey(tmp_path / "a.jpg").size == (20, 60)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an image"),
        (b"hello", "is not an image"),
        (encode_png(Image.effect_noise((200, 50), 90))[:2000], "cannot be decoded"),
    ],
)
def test_a_file_that_is_no_image_says_so(tmp_path, content, message):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageFault, match=message):
        open_grey(tmp_path / "a.png")


def test_a_missing_file_and_a_folder_say_so(tmp_path):
    with pytest.raises(ImageFault, match="does not exist"):
        open_grey(tmp_path / "a.png")
    with pytest.raises(ImageFault, match=r"cannot be read \(Is a directory\)"):
        open_grey(tmp_path)


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path):
    Image.new("1", (20_000, 6_000)).save(tmp_path / "a.png")
    with pytest.raises(ImageFault, match="20000x6000 pixels"):
        open_grey(tmp_path / "a.png")


def test_the_aspect_ratio_is_kept():
    assert preprocess(ramp(size=(60, 20)), preprocessing()).size == (96, 32)


def test_a_wide_line_is_squeezed_to_max_width():
    assert is_too_wide((60, 20), preprocessing(max_width=95))
    assert not is_too_wide((60, 20), preprocessing(max_width=96))
    assert preprocess(ramp(size=(60, 20)), preprocessing(max_width=90)).size == (90, 32)


def test_a_narrow_line_gets_paper_on_its_right():
    image = preprocess(Image.new("L", (4, 32), 200), preprocessing(min_width=16))
    assert image.size == (16, 32)
    assert image.getextrema() == (200, 200)


def test_contrast_is_stretched_from_ink_to_paper():
    line = Image.new("L", (100, 20), 180)
    line.paste(90, (10, 5, 40, 15))
    assert stretch_contrast(line).getextrema() == (0, 255)
    assert preprocess(line, preprocessing(normalize=True)).getpixel((0, 0)) == 255
    assert preprocess(line, preprocessing()).getpixel((0, 0)) == 180


def test_a_blank_line_stays_blank():
    assert stretch_contrast(Image.new("L", (50, 20), 130)).getextrema() == (130, 130)
