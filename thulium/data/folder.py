"""A folder of images and labels.txt as a split, without preparing it first: for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from thulium.data.images.files import ImageFault
from thulium.data.images.grey import open_grey, preprocess, scaled_width
from thulium.data.labels import read_labels
from thulium.data.line import Fault
from thulium.data.text import normalize
from thulium.runtime.errors import DataError, list_faults
from thulium_dsl.grammar.spec import PreprocessingSpec, UnicodeForm


class FolderSplit:
    """The lines of a folder, each read and preprocessed when it is asked for.

    Attributes:
        ids, texts, pages: one entry a line; texts are normalised, and each line is a page of its own.
        widths: pixels after preprocessing.
        height: pixels.
    """

    def __init__(
        self, folder: Path, preprocessing: PreprocessingSpec | None = None, unicode_form: UnicodeForm | None = None
    ) -> None:
        from thulium.runtime.documents import defaults  # late: most callers need no document

        self.preprocessing = preprocessing or defaults().preprocessing
        faults: list[Fault] = []
        labels = read_labels(folder, faults)
        self._paths = [label.path for label in labels]
        self.ids = [label.name for label in labels]
        self.pages = self.ids  # nobody says which lines are of one page
        self.texts = [normalize(label.text, unicode_form or defaults().dataset.text) for label in labels]
        self.height = self.preprocessing.height
        self.widths = [self._width(path, faults) for path in self._paths]
        if errors := [fault for fault in faults if fault.is_error]:
            raise DataError(list_faults(errors))

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, index: int) -> Image.Image:
        """A line's image as the model reads it, mode "L".

        Raises:
            DataError: it cannot be read any more.
        """
        try:
            return preprocess(open_grey(self._paths[index]), self.preprocessing)
        except ImageFault as fault:
            raise DataError(str(_unreadable(self._paths[index], fault))) from None

    def _width(self, path: Path, faults: list[Fault]) -> int:
        try:
            size = open_grey(path).size
        except ImageFault as fault:
            faults.append(_unreadable(path, fault))
            return 1
        spec = self.preprocessing
        return max(spec.min_width, min(spec.max_width, scaled_width(size, spec.height)))


def _unreadable(path: Path, fault: ImageFault) -> Fault:
    return Fault(reason="unreadable image", where=str(path), what=f"the image {fault}")
