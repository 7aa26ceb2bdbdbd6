"""Prepared lines on disk."""

import hashlib
import pickle

import pytest
from PIL import Image

from thulium.data.images.grey import encode_png
from thulium.data.shards import MAX_LINES, Row, Split, write_split
from thulium.runtime.errors import DataError


def rows(names):
    png = encode_png(Image.new("L", (8, 4), 255))
    return [Row(id=n, image=png, width=8, height=4, text=f"text {n}", page=n, source=f"{n}.png") for n in names]


def digests(folder):
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


NAMES = [f"{i:05}" for i in range(3000)]


def test_what_is_written_is_read(tmp_path):
    Image.effect_noise((30, 12), 50).save(tmp_path / "a.png")
    row = Row(
        id="ä 1", image=(tmp_path / "a.png").read_bytes(), width=30, height=12, text="Grüße", page="p", source="s"
    )
    assert write_split([row], tmp_path / "train") == 1
    split = Split(tmp_path / "train")
    assert (split.ids, split.texts, split.pages, split.widths.tolist(), split.height) == (
        ["ä 1"],
        ["Grüße"],
        ["p"],
        [30],
        12,
    )
    assert split.png(0) == row.image
    assert split.image(0).tobytes() == Image.open(tmp_path / "a.png").tobytes()


def test_the_same_lines_make_the_same_bytes(tmp_path):
    for name in "ab":
        write_split(rows(NAMES), tmp_path / name)
    assert [p.read_bytes() for p in sorted((tmp_path / "a").iterdir())] == [
        p.read_bytes() for p in sorted((tmp_path / "b").iterdir())
    ]


def test_lines_put_in_change_the_files_around_them_and_no_others(tmp_path):
    write_split(rows(NAMES), tmp_path / "before")
    write_split(rows([*NAMES[:1500], "new 1", "new 2", *NAMES[1500:]]), tmp_path / "after")
    before, after = digests(tmp_path / "before"), digests(tmp_path / "after")
    assert len(before) > 20
    assert len(after - before) <= 3  # one of them the index


def test_a_page_of_many_lines_is_cut_too(tmp_path):
    png = encode_png(Image.new("L", (8, 4), 255))
    many = (Row(id=n, image=png, width=8, height=4, text="a", page="p", source="s") for n in NAMES)
    write_split(many, tmp_path / "a")
    assert len(list((tmp_path / "a").glob("*.arrow"))) == -(-3000 // MAX_LINES)


def test_lines_can_be_left_out_and_a_split_can_travel(tmp_path):
    write_split(rows(NAMES[:200]), tmp_path / "a")
    split = pickle.loads(pickle.dumps(Split(tmp_path / "a").without([0, 150]).without([0])))
    assert split.ids == [*NAMES[2:150], *NAMES[151:200]]
    assert split.texts[0] == f"text {NAMES[2]}"


def test_an_empty_folder_and_a_damaged_file_say_what_to_do(tmp_path):
    with pytest.raises(DataError, match="holds no prepared lines"):
        Split(tmp_path)
    write_split(rows(NAMES[:200]), tmp_path / "a")
    first, second = sorted((tmp_path / "a").glob("*.arrow"))[:2]
    first.write_bytes(b"ARROW1 and then nothing")
    with pytest.raises(DataError, match=r"00000\.arrow: is damaged"):
        Split(tmp_path / "a")
    second.unlink()
    with pytest.raises(DataError, match=r"00001\.arrow: is missing: prepare the data again"):
        Split(tmp_path / "a")
