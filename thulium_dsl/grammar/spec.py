"""The values of an experiment: what a resolved document holds, as frozen dataclasses.

No class has defaults: a document is filled from the schemas before values are made of it. The names and types are the
schemas' own; a test holds each class to its schema.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from thulium_dsl.grammar.transforms import AugmentationSpec

UnicodeForm = Literal["NFC", "NFD", "NFKC", "NFKD"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    find: str
    replace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpec:
    unicode_form: UnicodeForm
    whitespace: Literal["collapse", "strip", "keep"]
    order: Literal["auto", "visual", "logical"]
    charset: str | tuple[str, ...]  # auto, a file, or the characters
    on_unknown: Literal["error", "drop_line", "map"]
    map: tuple[Replacement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSpec:
    val: float  # share
    test: float  # share
    by: Literal["page", "document", "writer", "line", "given"]
    seed: int
    identity: Literal["name", "path"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomDataset:
    type: Literal["custom"]
    train_dir: str
    val_dir: str
    test_dir: str
    allow_overlap: bool
    text: TextSpec
    on_error: Literal["fail", "skip"]
    max_skipped: float  # share of the lines, and of the pages


@dataclass(frozen=True, slots=True, kw_only=True)
class GtTxtDataset:
    type: Literal["gt_txt"]
    root: str
    files: str  # a pattern
    exclude: tuple[str, ...]  # patterns
    page_pattern: str | None  # a regular expression whose first group is the page
    split: SplitSpec
    train_list: str | None
    val_list: str | None
    test_list: str | None
    writers: str | None
    allow_overlap: bool
    text: TextSpec
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDataset:
    type: Literal["page"]
    root: str
    files: str  # a pattern
    exclude: tuple[str, ...]  # patterns
    level: Literal["line", "word"]
    text_index: str | int  # lowest, highest, or an index
    region_types: tuple[str, ...]  # empty: all
    line_types: tuple[str, ...]  # empty: all
    straighten: bool
    split: SplitSpec
    train_list: str | None
    val_list: str | None
    test_list: str | None
    writers: str | None
    allow_overlap: bool
    text: TextSpec
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AltoDataset:
    type: Literal["alto"]
    root: str
    files: str  # a pattern
    exclude: tuple[str, ...]  # patterns
    region_types: tuple[str, ...]  # empty: all
    line_types: tuple[str, ...]  # empty: all
    straighten: bool
    split: SplitSpec
    train_list: str | None
    val_list: str | None
    test_list: str | None
    writers: str | None
    allow_overlap: bool
    text: TextSpec
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetDataset:
    type: Literal["parquet"]
    root: str
    files: str  # a pattern
    exclude: tuple[str, ...]  # patterns
    image_column: str
    text_column: str
    id_column: str | None
    page_column: str | None
    document_column: str | None
    writer_column: str | None
    split: SplitSpec
    train_list: str | None
    val_list: str | None
    test_list: str | None
    allow_overlap: bool
    text: TextSpec
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCounts:
    train: int
    val: int
    test: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDataset:
    type: Literal["synthetic"]
    lines: LineCounts
    seed: int
    text: TextSpec


# The kinds of data that stand under one folder and are split by us, or by lists.
RootedDataset = Union[GtTxtDataset, PageDataset, AltoDataset, ParquetDataset]  # noqa: UP007 (also read at run time)
DatasetSpec = Union[  # noqa: UP007 (also read at run time, on Python 3.10)
    CustomDataset, GtTxtDataset, PageDataset, AltoDataset, ParquetDataset, SyntheticDataset
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessingSpec:
    height: int  # pixels
    min_width: int  # pixels
    max_width: int  # pixels
    normalize: bool
    wide_lines: Literal["squeeze", "skip", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResnetSpec:
    type: Literal["resnet"]
    config_name: Literal["resnet_tiny", "resnet_small", "resnet_base"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VggSpec:
    type: Literal["vgg"]
    config_name: Literal["vgg_tiny", "vgg_small", "vgg_base"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanMaskSpec:
    share: float  # of the frames; 0: off
    length: int  # frames


@dataclass(frozen=True, slots=True, kw_only=True)
class BilstmSpec:
    type: Literal["bilstm"]
    hidden_size: int
    num_layers: int
    dropout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerSpec:
    type: Literal["transformer"]
    hidden_size: int
    num_layers: int
    num_heads: int
    feedforward_size: int
    dropout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoneSpec:
    type: Literal["none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CtcSpec:
    type: Literal["ctc"]
    blank_index: int
    shortcut_weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSpec:
    type: Literal["attention"]
    blank_index: int
    hidden_size: int
    ctc_weight: float


BackboneSpec = Union[ResnetSpec, VggSpec]  # noqa: UP007 (also read at run time, on Python 3.10)
HeadSpec = Union[BilstmSpec, TransformerSpec, NoneSpec]  # noqa: UP007
DecoderSpec = Union[CtcSpec, AttentionSpec]  # noqa: UP007


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    backbone: BackboneSpec
    span_mask: SpanMaskSpec
    head: HeadSpec
    decoder: DecoderSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamwSpec:
    type: Literal["adamw"]
    weight_decay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineSpec:
    type: Literal["cosine"]
    warmup_epochs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    epochs: int
    batch_size: int  # lines in one optimizer step, over all processes
    accumulation: int  # parts of a step, for each process
    max_pixels: int  # of a batch; 0: no limit
    lr: float  # peak
    optimizer: AdamwSpec
    scheduler: CosineSpec
    mixed_precision: bool
    compile: bool
    gradient_clip: float  # 0: off
    ema_decay: float  # 0: off
    init_from: str | None  # a model file
    extend_charset: Literal["union", "replace"]
    freeze: tuple[Literal["backbone", "head"], ...]
    freeze_epochs: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStoppingSpec:
    enabled: bool
    patience: int  # epochs
    metric: Literal["val_cer", "val_wer", "val_line_accuracy", "val_loss"]
    mode: Literal["min", "max"]
    min_delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointingSpec:
    save_dir: str
    save_every: int  # epochs; 0: none
    keep_last: int
    save_best: bool
    resume_every_minutes: float  # 0: only after each epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedySpec:
    type: Literal["greedy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamSpec:
    type: Literal["beam"]
    beam_size: int
    language_model: str  # none, train, or a file
    order: int  # of the one made by train
    alpha: float
    beta: float  # nats a symbol


DecodingSpec = Union[GreedySpec, BeamSpec]  # noqa: UP007


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSpec:
    split: Literal["test", "val"]
    checkpoint: Literal["best", "last"]
    decoding: DecodingSpec
    worst_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorboardSpec:
    enabled: bool
    log_dir: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WandbSpec:
    enabled: bool
    project: str
    entity: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSpec:
    tensorboard: TensorboardSpec
    wandb: WandbSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesSpec:
    device: str  # auto, cpu, cuda, cuda:N
    devices: tuple[int, ...]  # numbers of GPUs; empty: as device and processes say
    processes: int
    loader_workers: int
    prepare_workers: int  # 0: one for each core
    threads: int  # of each process; 0: one for each core


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A whole experiment. Only the command line holds one; a stage is given the sections that it reads."""

    version: int
    dataset: DatasetSpec
    preprocessing: PreprocessingSpec
    augmentation: AugmentationSpec
    model: ModelSpec
    training: TrainingSpec
    early_stopping: EarlyStoppingSpec
    checkpointing: CheckpointingSpec
    evaluation: EvaluationSpec
    logging: LoggingSpec
    resources: ResourcesSpec


def build(kind: Any, value: Any) -> Any:
    """Make a spec of a resolved tree.

    Args:
        kind: a spec class, or a type that stands in one: a union of them (chosen by ``type``), a tuple, a number …
        value: what the resolved document holds there.

    Raises:
        TypeError, KeyError: the tree was not resolved and checked before; our mistake, not the user's.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return build(_choose(get_args(kind), value), value)
    if is_dataclass(kind):
        assert isinstance(kind, type)
        hints = _hints(kind)
        unknown = set(value) - {field.name for field in fields(kind)}
        if unknown:
            raise TypeError(f"{kind.__name__} has no {sorted(unknown)}")
        return kind(**{name: build(hints[name], value[name]) for name in hints})
    if origin is tuple:
        return tuple(build(get_args(kind)[0], item) for item in value)
    if kind is float:
        return float(value)
    return int(value) if kind is int and not isinstance(value, bool) else value


def _choose(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        return type(None)
    if not isinstance(value, Mapping):
        if int in kinds and isinstance(value, (int, float)):
            return int
        is_list = isinstance(value, (list, tuple))
        return next(kind for kind in kinds if kind is not type(None) and (get_origin(kind) is tuple) == is_list)
    return next(kind for kind in kinds if value["type"] in get_args(_hints(kind)["type"]))


@cache  # the annotations are texts, and it takes Python long to make types of them
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
