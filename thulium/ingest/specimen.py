"""A made-up line to look at, where no data are prepared."""

from __future__ import annotations

from thulium.data.augmentation.preview import PreviewLine
from thulium.data.images.grey import preprocess
from thulium.ingest.readers.synthetic import read, units
from thulium_dsl.grammar.spec import LineCounts, PreprocessingSpec, SyntheticDataset, TextSpec


def synthetic_line(preprocessing: PreprocessingSpec, text: TextSpec, seed: int) -> PreviewLine:
    """A line drawn in a handwriting font, as prepare would store it."""
    dataset = SyntheticDataset(type="synthetic", lines=LineCounts(train=1, val=0, test=0), seed=seed, text=text)
    line = next(read(units(dataset)[0], dataset))
    return PreviewLine(line.id, line.text, preprocess(line.load(), preprocessing))
