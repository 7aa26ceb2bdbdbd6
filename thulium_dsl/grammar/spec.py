# Made from schemas/ by `make reference`; change it there.
"""The values of an experiment: what a resolved document holds, as frozen dataclasses.

No class has defaults: a document is filled from the schemas before values are made of it. `thulium explain KEY`, or
docs/reference, says what a key means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

UnicodeForm = Literal["NFC", "NFD", "NFKC", "NFKD"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A replacement."""

    find: str
    replace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpec:
    """What is done to every transcription, once, and to every prediction before it is compared."""

    unicode_form: UnicodeForm
    whitespace: Literal["collapse", "strip", "keep"]
    order: Literal["auto", "visual", "logical"]
    charset: str | tuple[str, ...]
    on_unknown: Literal["error", "drop_line", "map"]
    map: tuple[Replacement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomDataset:
    """Folders of line images with a labels.txt."""

    type: Literal["custom"]
    train_dir: str
    val_dir: str
    test_dir: str
    allow_overlap: bool
    text: TextSpec
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSpec:
    """Which part of the data is kept for validation and for the test, when no lists name them."""

    val: float
    test: float
    folds: int | None
    by: Literal["page", "document", "writer", "line", "given"]
    seed: int
    identity: Literal["name", "path"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GtTxtDataset:
    """Line images, each with a .gt.txt file."""

    type: Literal["gt_txt"]
    root: str
    files: str
    exclude: tuple[str, ...]
    page_pattern: str | None
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
    """Page images with PAGE XML."""

    type: Literal["page"]
    root: str
    files: str
    exclude: tuple[str, ...]
    level: Literal["line", "word"]
    text_index: str | int
    region_types: tuple[str, ...]
    line_types: tuple[str, ...]
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
    """Page images with ALTO XML."""

    type: Literal["alto"]
    root: str
    files: str
    exclude: tuple[str, ...]
    region_types: tuple[str, ...]
    line_types: tuple[str, ...]
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
    """Parquet tables with images and texts."""

    type: Literal["parquet"]
    root: str
    files: str
    exclude: tuple[str, ...]
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
    """How many lines to render for each split."""

    train: int
    val: int
    test: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDataset:
    """Lines rendered in handwriting fonts."""

    type: Literal["synthetic"]
    lines: LineCounts
    seed: int
    text: TextSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """What is done to its transcriptions before what 'dataset.text' says is done to all."""

    map: tuple[Replacement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSource:
    """Folders of line images with a labels.txt, as a source."""

    name: str
    type: Literal["custom"]
    weight: float
    text: SourceText
    train_dir: str
    val_dir: str
    test_dir: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GtTxtSource:
    """Line images, each with a .gt.txt file, as a source."""

    name: str
    type: Literal["gt_txt"]
    weight: float
    text: SourceText
    root: str
    files: str
    exclude: tuple[str, ...]
    page_pattern: str | None
    split_by: str | None
    train_list: str | None
    val_list: str | None
    test_list: str | None
    writers: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSource:
    """Page images with PAGE XML, as a source."""

    name: str
    type: Literal["page"]
    weight: float
    text: SourceText
    root: str
    files: str
    exclude: tuple[str, ...]
    level: Literal["line", "word"]
    text_index: str | int
    region_types: tuple[str, ...]
    line_types: tuple[str, ...]
    straighten: bool
    split_by: str | None
    train_list: str | None
    val_list: str | None
    test_list: str | None
    writers: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AltoSource:
    """Page images with ALTO XML, as a source."""

    name: str
    type: Literal["alto"]
    weight: float
    text: SourceText
    root: str
    files: str
    exclude: tuple[str, ...]
    region_types: tuple[str, ...]
    line_types: tuple[str, ...]
    straighten: bool
    split_by: str | None
    train_list: str | None
    val_list: str | None
    test_list: str | None
    writers: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetSource:
    """Parquet tables with images and texts, as a source."""

    name: str
    type: Literal["parquet"]
    weight: float
    text: SourceText
    root: str
    files: str
    exclude: tuple[str, ...]
    image_column: str
    text_column: str
    id_column: str | None
    page_column: str | None
    document_column: str | None
    writer_column: str | None
    split_by: str | None
    train_list: str | None
    val_list: str | None
    test_list: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticSource:
    """Lines rendered in handwriting fonts, as a source."""

    name: str
    type: Literal["synthetic"]
    weight: float
    text: SourceText
    lines: LineCounts
    seed: int


SourceSpec = CustomSource | GtTxtSource | PageSource | AltoSource | ParquetSource | SyntheticSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesDataset:
    """Several sources, each of a type of its own, read as one."""

    type: Literal["sources"]
    sources: tuple[SourceSpec, ...]
    split: SplitSpec
    allow_overlap: bool
    text: TextSpec
    on_error: Literal["fail", "skip"]
    max_skipped: float


RootedDataset = GtTxtDataset | PageDataset | AltoDataset | ParquetDataset

DatasetSpec = (
    CustomDataset | GtTxtDataset | PageDataset | AltoDataset | ParquetDataset | SyntheticDataset | SourcesDataset
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessingSpec:
    """What is done to every line image, once, before training and before prediction."""

    height: int  # pixels
    min_width: int  # pixels
    max_width: int  # pixels
    normalize: bool
    wide_lines: Literal["squeeze", "skip", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomRotation:
    """Turn the line a little."""

    type: Literal["random_rotation"]
    p: float
    degrees: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomScale:
    """Stretch or shrink width and height, both within one range."""

    type: Literal["random_scale"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomStretch:
    """Stretch or shrink width and height, each within a range of its own."""

    type: Literal["random_stretch"]
    p: float
    width: tuple[float, float]
    height: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomShear:
    """Slant the writing."""

    type: Literal["random_shear"]
    p: float
    degrees: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Elastic:
    """Bend the line: points of a grid move, the border stays."""

    type: Literal["elastic"]
    p: float
    strength: float
    spacing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomDilate:
    """Make the strokes thicker."""

    type: Literal["random_dilate"]
    p: float
    size: int  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomErode:
    """Make the strokes thinner."""

    type: Literal["random_erode"]
    p: float
    size: int  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianBlur:
    """Make the line less sharp."""

    type: Literal["gaussian_blur"]
    p: float
    radius: float  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianNoise:
    """Add grain."""

    type: Literal["gaussian_noise"]
    p: float
    std: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomBrightness:
    """Make the whole line darker or lighter."""

    type: Literal["random_brightness"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomContrast:
    """Let the ink fade or grow darker; the paper stays."""

    type: Literal["random_contrast"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomGamma:
    """Make the middle greys darker or lighter; black and white stay."""

    type: Literal["random_gamma"]
    p: float
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomCutout:
    """Cover spots with paper, so that a word is read from what is left of it."""

    type: Literal["random_cutout"]
    p: float
    holes: int
    size: float


TransformSpec = (
    RandomRotation
    | RandomScale
    | RandomStretch
    | RandomShear
    | Elastic
    | RandomDilate
    | RandomErode
    | GaussianBlur
    | GaussianNoise
    | RandomBrightness
    | RandomContrast
    | RandomGamma
    | RandomCutout
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationSpec:
    """Random changes to the training lines, drawn anew for every line in every epoch."""

    enabled: bool
    transforms: tuple[TransformSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResnetSpec:
    """A residual network."""

    type: Literal["resnet"]
    config_name: Literal["resnet_tiny", "resnet_small", "resnet_base"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VggSpec:
    """Plain convolutions, one after the other."""

    type: Literal["vgg"]
    config_name: Literal["vgg_tiny", "vgg_small", "vgg_base"]


BackboneSpec = ResnetSpec | VggSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanMaskSpec:
    """Hiding stretches of a line between backbone and head while training, so that the head learns to read from
    context.
    """

    share: float
    length: int  # frames


@dataclass(frozen=True, slots=True, kw_only=True)
class BilstmSpec:
    """A bidirectional LSTM."""

    type: Literal["bilstm"]
    hidden_size: int
    num_layers: int
    dropout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerSpec:
    """Self-attention; wants more lines and more epochs than a BiLSTM."""

    type: Literal["transformer"]
    hidden_size: int
    num_layers: int
    num_heads: int
    feedforward_size: int
    dropout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoneSpec:
    """Each frame by itself, as the backbone sees it."""

    type: Literal["none"]


HeadSpec = BilstmSpec | TransformerSpec | NoneSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class CtcSpec:
    """Connectionist temporal classification."""

    type: Literal["ctc"]
    blank_index: int
    shortcut_weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSpec:
    """Writes symbol after symbol; slower, and needs more lines than CTC."""

    type: Literal["attention"]
    blank_index: int
    hidden_size: int
    ctc_weight: float


DecoderSpec = CtcSpec | AttentionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """The network: a backbone that turns the image into a sequence of frames, a head that reads them in context, a
    decoder that turns them into text.
    """

    backbone: BackboneSpec
    span_mask: SpanMaskSpec
    head: HeadSpec
    decoder: DecoderSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesUntranscribed:
    """A folder of line images, without transcriptions."""

    type: Literal["images"]
    root: str
    files: str
    exclude: tuple[str, ...]
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUntranscribed:
    """Page images with PAGE XML, without transcriptions."""

    type: Literal["page"]
    root: str
    files: str
    exclude: tuple[str, ...]
    region_types: tuple[str, ...]
    line_types: tuple[str, ...]
    straighten: bool
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AltoUntranscribed:
    """Page images with ALTO XML, without transcriptions."""

    type: Literal["alto"]
    root: str
    files: str
    exclude: tuple[str, ...]
    region_types: tuple[str, ...]
    line_types: tuple[str, ...]
    straighten: bool
    on_error: Literal["fail", "skip"]
    max_skipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetUntranscribed:
    """Parquet tables with images, without texts."""

    type: Literal["parquet"]
    root: str
    files: str
    exclude: tuple[str, ...]
    image_column: str
    on_error: Literal["fail", "skip"]
    max_skipped: float


UntranscribedSpec = ImagesUntranscribed | PageUntranscribed | AltoUntranscribed | ParquetUntranscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class HidingSpec:
    """What is hidden of each line, in stretches."""

    share: float
    length: int  # frames


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingSpec:
    """Learning from lines that nobody has transcribed, before the training: the model guesses what was hidden of each
    line. Absent: nothing of it is done.
    """

    dataset: UntranscribedSpec
    epochs: int
    batch_size: int  # lines
    lr: float
    mixed_precision: bool
    clusters: int
    mask: HidingSpec
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamwSpec:
    """Adam with decoupled weight decay."""

    type: Literal["adamw"]
    weight_decay: float


OptimizerSpec = AdamwSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapezoidSpec:
    """The peak for most of the run, after a warm-up, and a fall at its end."""

    type: Literal["trapezoid"]
    warmup_epochs: float
    decay_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineSpec:
    """Half a cosine, after a warm-up."""

    type: Literal["cosine"]
    warmup_epochs: float


SchedulerSpec = TrapezoidSpec | CosineSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """How the model learns."""

    epochs: int
    batch_size: int  # lines
    accumulation: int  # parts
    max_pixels: int
    lr: float
    optimizer: OptimizerSpec
    scheduler: SchedulerSpec
    mixed_precision: bool
    gradient_clip: float
    ema_decay: float
    init_from: str | None
    extend_charset: Literal["union", "replace"]
    freeze: tuple[Literal["backbone", "head"], ...]
    freeze_epochs: int
    lines: int | None
    seed: int
    seeds: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStoppingSpec:
    """When a run that no longer improves ends, and which metric names the best epoch."""

    enabled: bool
    patience: int  # epochs
    metric: Literal["val_cer", "val_wer", "val_line_accuracy", "val_loss"]
    mode: Literal["min", "max"]
    min_delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointingSpec:
    """Which models are kept, and where."""

    save_dir: str
    save_every: int  # epochs
    keep_last: int
    save_best: bool
    resume_every_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedySpec:
    """The likeliest symbol of each frame."""

    type: Literal["greedy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamSpec:
    """The likeliest text, with a language model where one is named."""

    type: Literal["beam"]
    beam_size: int
    language_model: str
    more_text: str
    order: int
    alpha: float
    beta: float


DecodingSpec = GreedySpec | BeamSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSpec:
    """How the trained model is judged."""

    split: Literal["test", "val"]
    checkpoint: Literal["best", "last"]
    decoding: DecodingSpec
    worst_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorboardSpec:
    """Curves for TensorBoard."""

    enabled: bool
    log_dir: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WandbSpec:
    """Weights & Biases; needs: pip install thulium[wandb]."""

    enabled: bool
    project: str
    entity: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSpec:
    """Where the run can be watched; changing it never retrains."""

    tensorboard: TensorboardSpec
    wandb: WandbSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesSpec:
    """What the run may use of this machine; changing it never retrains."""

    device: str
    devices: tuple[int, ...]
    processes: int
    loader_workers: str | int
    augment_on: Literal["auto", "loader", "device"]
    cuda_graphs: bool
    prepare_workers: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One document is a whole experiment: which lines, which model, how it is trained and how it is judged."""

    version: int
    dataset: DatasetSpec
    preprocessing: PreprocessingSpec
    augmentation: AugmentationSpec
    model: ModelSpec
    pretraining: PretrainingSpec | None
    training: TrainingSpec
    early_stopping: EarlyStoppingSpec
    checkpointing: CheckpointingSpec
    evaluation: EvaluationSpec
    logging: LoggingSpec
    resources: ResourcesSpec
