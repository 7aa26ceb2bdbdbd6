"""What is black and what is white: numbers of every width, and colours."""

import io

import numpy as np
import odd_images
import PIL
import pytest
from PIL import Image

from thulium.data.images.files import ImageFault
from thulium.data.images.grey import open_grey

RAMP = np.tile(np.linspace(20, 235, 60).round().astype(np.uint8), (20, 1))  # no true black, no true white
SHARES = RAMP / 255


def grey(content):
    return np.asarray(open_grey(io.BytesIO(content)))


def levels(most, dtype):
    return (SHARES * most).round().astype(dtype) if np.dtype(dtype).kind != "f" else (SHARES * most).astype(dtype)


@pytest.mark.parametrize("most", [255, 1023, 4095, 16_383, 65_535])
@pytest.mark.parametrize(("order", "is_big"), [("<", False), (">", False), ("<", True)])
def test_sixteen_bits_of_which_a_scanner_used_some(most, order, is_big):
    found = grey(odd_images.tiff((levels(most, np.uint16), {}), order=order, is_big=is_big))
    assert (found == RAMP).all()


@pytest.mark.parametrize("most", [255, 1023, 4095, 16_383, 65_535])
def test_the_same_in_png(most):
    assert (grey(odd_images.png(levels(most, np.uint16), 0)) == RAMP).all()


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32, np.float32])
@pytest.mark.parametrize("most", [255, 4095, 16_383])
def test_other_numbers(dtype, most):
    assert (grey(odd_images.tiff((levels(most, dtype), {}))) == RAMP).all()


def test_floats_run_to_one_and_may_overshoot_a_little():
    assert (grey(odd_images.tiff((levels(1, np.float32), {}))) == RAMP).all()
    shares = levels(1, np.float32)
    shares[0, :2] = (-0.03, 1.04)
    found = grey(odd_images.tiff((shares, {})))
    assert (found[0, :2] == (0, 255)).all()
    assert (found[1:] == RAMP[1:]).all()


def test_all_of_32_bits():
    assert (grey(odd_images.tiff((levels(2**32 - 1, np.uint32), {}))) == RAMP).all()
    assert (grey(odd_images.tiff((levels(2**31 - 1, np.int32), {}))) == RAMP).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_where_zero_is_white(dtype):
    most = {np.uint8: 255, np.uint16: 4095, np.float32: 1}[dtype]
    ink = levels(most, dtype)
    ink = (np.array(most, dtype) - ink).astype(dtype)
    assert (np.abs(grey(odd_images.tiff((ink, {262: 0}))).astype(int) - RAMP) <= 1).all()


def test_the_number_for_white_that_a_file_names_may_count():
    eleven_bits = levels(2047, np.uint16)
    assert (grey(odd_images.tiff((eleven_bits, {281: 2047}))) == RAMP).all()
    assert (grey(odd_images.tiff((levels(4095, np.uint16), {281: 65_535}))) == RAMP).all()


@pytest.mark.parametrize(
    ("samples", "tags", "message"),
    [
        (np.full((9, 9), np.nan, np.float32), {}, "no numbers"),
        (np.full((9, 9), np.inf, np.float32), {}, "no numbers"),
        (np.full((9, 9), -1, np.float32), {}, "below 0, down to -1"),
        (np.full((9, 9), -300, np.int16), {}, "below 0, down to -300"),
        (np.full((9, 9), -3, np.int8), {}, "signed"),
        (np.full((9, 9, 3), 900, np.uint16), {}, "lowest bits only: save it with 8 bits a colour"),
        (np.zeros((9, 9, 3), np.uint16), {}, "is black, or its 16-bit colours use the lowest bits"),
        (np.full((9, 9, 3), 60_000, np.uint16), {284: 2, 273: [8, 8, 8], 279: [162, 162, 162]}, "colours apart"),
        (np.full((9, 9, 3), 99, np.uint8), {262: 6}, "colours of less detail than its greys"),
    ],
)
def test_numbers_that_nothing_explains_are_refused(samples, tags, message):
    with pytest.raises(ImageFault, match=message):
        grey(odd_images.tiff((samples, tags)))


@pytest.mark.parametrize(("most", "off"), [(65_535, 1), (16_383, 4), (4095, 18)])
def test_sixteen_bit_colours(most, off):
    colours = np.stack([levels(most, np.uint16)] * 3, axis=-1)
    for content in (odd_images.tiff((colours, {})), odd_images.png(colours, 2)):
        assert (np.abs(grey(content).astype(int) - RAMP) <= off).all()


def test_ink_on_transparent_paper_is_not_made_lighter():
    ink = np.zeros((20, 60, 4), np.uint16)
    ink[..., :3] = 12 << 8  # a dark ink
    ink[..., 3] = np.linspace(0, 65_535, 60)
    found = grey(odd_images.png(ink, 6))
    assert (found[0, 0], found[0, -1]) == (255, 12)


def test_a_transparent_number_of_sixteen_bits_is_paper():
    samples = levels(65_535, np.uint16)
    samples[:, :9] = 0
    found = grey(odd_images.png(samples, 0, before=odd_images.chunk(b"tRNS", b"\0\0")))
    assert (found[:, :9] == 255).all()
    assert (found[:, 9:] == RAMP[:, 9:]).all()


def test_colours_of_a_palette_that_were_written_with_eight_bits():
    ramp = list(range(256))
    for factor in (1, 257):
        tags = {262: 3, 320: [factor * value for value in ramp * 3]}
        assert (grey(odd_images.tiff((RAMP, tags))) == RAMP).all()


def test_lab_is_read_by_its_lightness():
    lab = np.stack([RAMP, np.zeros_like(RAMP), np.zeros_like(RAMP)], axis=-1)
    assert (grey(odd_images.tiff((lab, {262: 8}))) == RAMP).all()


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 11, reason="older Pillows call such a file truncated")
def test_colours_of_luma_are_read_where_each_pixel_has_its_own():
    luma = np.stack([RAMP, np.full_like(RAMP, 128), np.full_like(RAMP, 128)], axis=-1)
    assert (grey(odd_images.tiff((luma, {262: 6, 530: [1, 1]}))) == RAMP).all()


def test_netpbm_says_what_white_is():
    dark = levels(1000, np.dtype(">u2"))
    assert abs(int(grey(b"P5 60 20 4095\n" + dark.tobytes()).max()) - 1000 * 235 / 255 / 4095 * 255) < 1
    assert (grey(b"P5 60 20 65535\n" + levels(4095, np.dtype(">u2")).tobytes()) == RAMP).all()
    assert (grey(b"P5 60 20 255\n" + RAMP.tobytes()) == RAMP).all()


def test_a_page_has_one_range_whatever_its_lines_use(tmp_path):
    page = np.full((200, 100), 4000, np.uint16)
    page[:50] = 600  # a dark part
    (tmp_path / "page.tif").write_bytes(odd_images.tiff((page, {})))
    assert set(open_grey(tmp_path / "page.tif").tobytes()) == {round(600 * 255 / 4095), round(4000 * 255 / 4095)}


def test_what_is_blank_stays_so():
    assert set(grey(odd_images.tiff((np.full((9, 9), 3000, np.uint16), {}))).ravel()) == {187}
    assert set(grey(odd_images.tiff((np.zeros((9, 9), np.uint16), {}))).ravel()) == {0}
    assert Image.fromarray(grey(odd_images.tiff((np.zeros((9, 9), np.float32), {})))).getextrema() == (0, 0)
