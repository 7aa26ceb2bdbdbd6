"""evaluate: from a checkpoint and prepared lines to error rates and a page to look at."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import thulium
from thulium.data.augmentation import preview
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared
from thulium.data.readers import Readers
from thulium.data.shards import Split
from thulium.decoding import searches
from thulium.evaluation import plots, tuning
from thulium.evaluation.alphabet import alphabet, write_alphabet
from thulium.evaluation.calibration import bins_of_characters, bins_of_lines, ece, write_reliability
from thulium.evaluation.familiarity import Familiarity, characters_new_to, familiarity
from thulium.evaluation.groups import Grouping, groupings, write_groups
from thulium.evaluation.intervals import Interval, cer_interval
from thulium.evaluation.metrics import LineResult, Scores, score
from thulium.evaluation.outcomes import IMAGE
from thulium.evaluation.recognise import Judged, judge
from thulium.evaluation.report import Evaluation, write_report
from thulium.evaluation.summary import say_summary
from thulium.evaluation.tuning import Tuned
from thulium.models.file import load_model
from thulium.models.recogniser import PLACES, Recogniser
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime import processor
from thulium.runtime.documents import kept
from thulium.runtime.errors import CheckpointError, DeviceError
from thulium.runtime.files import replace_text
from thulium.runtime.progress import say
from thulium.runtime.tables import write_table
from thulium.training import history
from thulium.training.resume import digest_of
from thulium.training.same import digest_of_lines
from thulium_dsl.grammar.spec import EvaluationSpec, ResourcesSpec

BATCH_SIZE = 32  # lines; what is read does not depend on it
DIGITS = 16  # of a digest, that tell one file from all others
LIMITS = {"min_width", "max_width", "wide_lines"}  # of preprocessing: they change no line that is between them
DRAWS = 2  # pictures of each transform that fit the report's width


def evaluate(
    *,
    evaluation: EvaluationSpec,
    resources: ResourcesSpec,
    prepared: Path,
    checkpoints: Path,
    out: Path,
    model_file: Path | None = None,
) -> dict[str, Any]:
    """Read the lines of a split with a trained model and count errors.

    Args:
        prepared: the folder that prepare wrote.
        checkpoints: the folder that train wrote.
        out: gets predictions.csv, plots/, reports/ and, at the end, metrics.json; may hold plots/history.csv.
        model_file: judged in place of a checkpoint; nothing else of its training is needed.

    Returns:
        What metrics.json holds.
    """
    data = open_prepared(prepared)
    path = model_file or checkpoints / f"{evaluation.checkpoint}.safetensors"
    model, facts = load_model(path)
    _check_fit(model, data, split := data.split(evaluation.split), path)
    _say_whether_seen(facts, data, path, learned := digest_of_lines(data.folder))
    _say_whether_finished(facts, path, None if model_file else out / "metrics" / "train.json")
    device = _device(resources)
    search = searches.build(evaluation.decoding, model.charset, data if model_file else _learnt(data, facts))
    recogniser = Recogniser(model.to(device.torch_device), device, search=search, rules=data.text)
    reading = _judged(split, recogniser, resources)
    scores, interval = score(reading.results), cer_interval(reading.results)
    judged = f"model {path.name}" if model_file else f"{evaluation.checkpoint} checkpoint"
    measured = _measured(reading, interval, judged, evaluation, data, path) | {"confidence": _kind_of_confidence(model)}
    metrics = _metrics(reading, scores, interval) | {"measured": measured}
    (out / "metrics.json").unlink(missing_ok=True)
    parted = _parted(reading.results, data, evaluation.split)
    _write_tables(reading.results, parted, _pngs(split), out)
    page = Evaluation(
        split=evaluation.split,
        judged=judged,
        epoch=facts.get("epoch"),
        results=reading.results,
        scores=scores,
        cer_interval=interval,
        history=[] if model_file else _read_history(out / "plots" / "history.csv"),
        worst_lines=evaluation.worst_lines,
        png=_pngs(split),
        facts=_facts(model, facts, data, path, learned) | searches.facts(evaluation.decoding),
        augmented=_augmented(facts, data),
        unfit=reading.unfit,
        is_calibrated=model.calibration is not None,
        groupings=parted,
        familiar=_familiar(reading, model, evaluation, is_own=model_file is None),
        new_characters=characters_new_to(model.charset.symbols, reading.results),
    )
    write_report(page, report := out / "reports" / "evaluation.html")
    replace_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    say_summary(metrics, page)
    say(f"the report: {report}")
    return metrics


def tune(*, evaluation: EvaluationSpec, resources: ResourcesSpec, prepared: Path, checkpoints: Path) -> Tuned:
    """Try how much the document's language model should count, on the validation lines; the test lines stay closed.

    Raises:
        DataError: the document asks no language model.
    """
    data = open_prepared(prepared)
    path = checkpoints / f"{evaluation.checkpoint}.safetensors"
    model, facts = load_model(path)
    split = data.split("val")
    _check_fit(model, data, split, path)
    language = searches.language_model(evaluation.decoding, model.charset, _learnt(data, facts))
    searches.say_what_is_known(evaluation.decoding, data, "val")
    device = _device(resources)
    recogniser = Recogniser(model.to(device.torch_device), device, rules=data.text)
    with _loader(split, recogniser, resources) as loader:
        return tuning.tune(recogniser, loader, evaluation.decoding, language)


def _learnt(data: Prepared, facts: Mapping[str, Any]) -> Prepared:
    """The data with those training lines that the model has learnt from: a language model knows no others either."""
    training = _settings(facts).get("training")
    lines, seed = (training.get("lines"), training.get("seed")) if isinstance(training, dict) else (None, None)
    return replace(data, lines=lines, seed=seed) if isinstance(lines, int) and isinstance(seed, int) else data


def _judged(split: Split, recogniser: Recogniser, resources: ResourcesSpec) -> Judged:
    with _loader(split, recogniser, resources) as loader:
        return judge(recogniser, loader)


@contextlib.contextmanager
def _loader(split: Split, recogniser: Recogniser, resources: ResourcesSpec) -> Iterator[LineLoader]:
    """The lines of a split; the processes that read them end with the context."""
    is_gpu, charset = recogniser.device.torch_device.type == "cuda", recogniser.model.charset
    with Readers(processor.readers(resources.loader_workers, feeds_gpu=is_gpu), pinned=is_gpu) as readers:
        yield LineLoader(split, charset=charset, batch_size=BATCH_SIZE, shuffle=False, readers=readers)


def _read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a training's history; a model can be judged without them."""
    if not path.is_file():
        say(f"{path} is not there: the report has no learning curves")
        return []
    return history.read(path)


def _check_fit(model: HTRModel, data: Prepared, split: Split, path: Path) -> None:
    """Refuse lines that would look otherwise if they were prepared as those that the model has learned from."""
    theirs, ours = asdict(model.preprocessing), asdict(data.preprocessing)
    odd = [name for name in ours if theirs[name] != ours[name]]
    least, most = max(theirs["min_width"], ours["min_width"]), min(theirs["max_width"], ours["max_width"])
    # Only a line that is as wide as a limit may have been padded or squeezed to it.
    are_within = least < split.widths.min() and split.widths.max() < most
    if not odd or (are_within and LIMITS.issuperset(odd)):
        return
    was, now = ({name: values[name] for name in odd} for values in (theirs, ours))
    wanted = " and ".join(f"preprocessing.{name}: {_braced(value)}" for name, value in was.items())
    raise CheckpointError(
        f"{path}: was trained on lines prepared with preprocessing: {_braced(was)}, these are prepared with "
        f"{_braced(now)}\n  help: prepare the lines as they were for the model, with {wanted}; or train one on these"
    )


def _say_whether_seen(facts: Mapping[str, Any], data: Prepared, path: Path, learned: str) -> None:
    """Say if a model was trained on other lines than those that were prepared with the ones it is judged on."""
    computed = facts.get("computed")
    if not isinstance(computed, dict):
        say(f"note: {path} does not say which lines it was trained on: the figures hold if it has not seen these")
    elif computed.get("data") != learned:
        say(
            f"warning: {path} was not trained on the lines of {data.folder}: if it has learned from some of those that "
            "it is judged on, its error rate is too low"
        )


def _say_whether_finished(facts: Mapping[str, Any], path: Path, metrics: Path | None) -> None:
    """Say if a checkpoint may be that of a training which was cut, which has not written its metrics then."""
    if metrics and not metrics.exists():
        say(
            f"warning: the training of {path} has not ended, as far as is known ({metrics} is not there): this is "
            f"the model of epoch {facts.get('epoch', '?')}; `thulium train` goes on from where it was cut"
        )


def _device(resources: ResourcesSpec) -> devices.Device:
    devices.keep_memory()
    devices.set_threads(resources.threads)
    # Always 32 bits: an error rate should not depend on the processor that computed it.
    try:
        return devices.choose(devices.name_of(resources.device, resources.devices), mixed_precision=False)
    except DeviceError as error:
        raise DeviceError(f"resources.device: {error}") from None


def _metrics(reading: Judged, scores: Scores, interval: Interval) -> dict[str, Any]:
    """The figures, in the order in which people look for them: DVC's tables keep it."""
    return {
        "cer": round(scores.cer, 6),
        "wer": round(scores.wer, 6),
        "line_accuracy": round(scores.line_accuracy, 6),
        "cer_low": _figure(interval.low),
        "cer_high": _figure(interval.high),
        "edits": sum(result.characters.edits for result in reading.results),
        "ece": _figure(ece(bins_of_lines(reading.results))),
        "ece_characters": _figure(ece(bins_of_characters(reading.results))),
    }


def _figure(value: float) -> float | None:
    """A figure as JSON has it; null where there is none."""
    return round(value, 6) if math.isfinite(value) else None


def _measured(
    reading: Judged, interval: Interval, judged: str, evaluation: EvaluationSpec, data: Prepared, path: Path
) -> dict[str, Any]:
    """What the figures are of: two that differ in it (but the model) are no comparison; DVC's diff shows it."""
    left_out = data.lines_left_out(evaluation.split)
    num_known = searches.say_what_is_known(evaluation.decoding, data, evaluation.split)
    return {
        "split": evaluation.split,
        "lines": len(reading.results),
        **({} if left_out is None else {"lines_left_out": left_out}),
        "characters": sum(result.characters.reference for result in reading.results),
        "lines_that_do_not_fit": len(reading.unfit),
        "model": judged,
        "decoding": searches.say(evaluation.decoding),
        **({"lines_in_more_text": num_known} if num_known else {}),
        "unit": "code point",
        "unicode_form": data.unicode_form,
        "words": "split at white space",
        "interval_unit": interval.unit,
        "interval_units": interval.num_units,
        "model_sha256": _digest_of(path),
    }


def _kind_of_confidence(model: HTRModel) -> str:
    return "calibrated on the validation lines" if model.calibration else "not calibrated"


def _parted(results: Sequence[LineResult], data: Prepared, split: str) -> tuple[Grouping, ...]:
    documents, writers = data.of_pages("documents", split), data.of_pages("writers", split)
    return groupings(results, documents, writers, has_sources=bool(data.sources))


def _write_tables(
    results: Sequence[LineResult], parted: Sequence[Grouping], png: Callable[[str], bytes], out: Path
) -> None:
    """What was read, line by line, and what DVC draws of it."""
    (out / "plots").mkdir(parents=True, exist_ok=True)
    _write_predictions(results, png, out / "predictions.csv")
    plots.write_confusions(results, out / "plots" / "confusions.csv")
    for grouping in parted:
        write_groups(grouping, out / "plots" / f"cer_by_{grouping.kind}.csv")
    write_alphabet(alphabet(results), out / "plots" / "alphabet.csv")
    write_reliability(results, out / "plots" / "reliability.csv")


def _write_predictions(results: Sequence[LineResult], png: Callable[[str], bytes], path: Path) -> None:
    """All lines; with a digest of their images, so that a comparison sees whether two tables are of the same lines."""
    header = ("id", "page", "transcription", "prediction", "edits", "characters", "confidence", IMAGE)
    write_table(path, header, (_row(result, png) for result in results))


def _row(result: LineResult, png: Callable[[str], bytes]) -> tuple[object, ...]:
    texts, count = (result.transcription, result.prediction), result.characters
    sure = "" if result.confidence is None else f"{result.confidence:.{PLACES}f}"
    return (
        result.id,
        result.page,
        *texts,
        count.edits,
        count.reference,
        sure,
        hashlib.sha256(png(result.id)).hexdigest()[:DIGITS],
    )


def _pngs(split: Split) -> Any:
    places = {line_id: place for place, line_id in enumerate(split.ids)}
    return lambda line_id: split.png(places[line_id])


def _facts(model: HTRModel, facts: Mapping[str, Any], data: Prepared, path: Path, learned: str) -> dict[str, object]:
    head, backbone = model.spec.head, model.spec.backbone
    return {
        "backbone": backbone.config_name,
        "head": _compact(asdict(head)),
        "decoder": model.spec.decoder.type,
        "parameters": f"{model.num_parameters:,}",
        "symbols": len(model.charset.symbols),
        "line height": f"{model.preprocessing.height} px",
        "Unicode form": data.unicode_form,
        **({"epoch of the checkpoint": facts["epoch"]} if "epoch" in facts else {}),
        **{name: _compact(section) for name, section in _settings(facts).items()},
        **({"computed with": _compact(facts["computed"])} if "computed" in facts else {}),
        "checkpoint (sha256)": _digest_of(path),
        "prepared lines to learn from (sha256)": learned,
        "prepared test lines (sha256)": digest_of([data.folder / "test"]),
        "thulium": thulium.__version__,
        "torch": torch.__version__,
        "Python": platform.python_version(),
    }


def _augmented(facts: Mapping[str, Any], data: Prepared) -> bytes:
    """A sheet of one training line under each transform that the model was trained with; empty if there was none."""
    settings = _settings(facts)
    if "augmentation" not in settings:
        return b""
    try:
        augmentation = kept("the checkpoint", augmentation=settings["augmentation"]).augmentation
        seed = int(settings["training"]["seed"])
    except (ValueError, LookupError, TypeError) as error:
        say(f"the report does not show the augmentation: the checkpoint is of other settings than are known ({error})")
        return b""
    if not augmentation.enabled or not augmentation.transforms:
        return b""
    line, png = preview.prepared_line(data.folder, None), io.BytesIO()
    preview.sheet(line, augmentation, seed, DRAWS).save(png, "PNG")
    return png.getvalue()


def _settings(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What train keeps in a model file of the document; models that were saved by other means have none."""
    settings = facts.get("settings")
    if not isinstance(settings, dict):
        return {}
    return {name: settings[name] for name in ("training", "augmentation") if name in settings}


def _compact(value: Any) -> str:
    """Settings on a few lines, as the document would have them in braces."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_braced(inner)}" for key, inner in value.items())
    return _braced(value)


def _braced(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + _compact(value) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_braced, value)) + "]"
    return json.dumps(value).strip('"')


def _digest_of(model_file: Path) -> str:
    return hashlib.sha256(model_file.read_bytes()).hexdigest()[:DIGITS]


def _familiar(reading: Judged, model: HTRModel, evaluation: EvaluationSpec, *, is_own: bool) -> Familiarity | None:
    """What the confidences say, where they are of other lines than those that they are held against, and alike."""
    if (is_own and evaluation.split == "val") or searches.has_language_model(evaluation.decoding):
        return None
    return familiarity(reading.results, model)
