"""How long does it take to read the text off a model's output, in CPU milliseconds a line?

The output is made up, so that no training is needed: lines of the demo, a symbol every fourth frame and blanks between,
as a trained model of this kind of data has them; in one frame of three, other symbols have a good share of the
probability. Median of 5 passes over 128 lines, 32 at a time, on one thread.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from thulium.data.charset import Charset
from thulium.decoding.ctc.greedy import best_path
from thulium.decoding.hypothesis import Search, texts
from thulium.decoding.searches import model_of, with_model
from thulium.ingest.texts import training_texts
from thulium.runtime.documents import defaults
from thulium_dsl.grammar.spec import BeamSpec, LineCounts, SyntheticDataset

FRAMES, CLASSES, LINES, BATCH = 200, 120, 128, 32
SPEC = BeamSpec(type="beam", beam_size=16, language_model="train", more_text="none", order=6, alpha=0.5, beta=1.0)


def main() -> None:
    torch.set_num_threads(1)
    dataset = SyntheticDataset(
        type="synthetic", lines=LineCounts(train=3000, val=1, test=1), seed=1, text=defaults().dataset.text
    )
    texts = list(training_texts(dataset, defaults().preprocessing))
    found = sorted(set("".join(texts)))
    others = (chr(code) for code in range(0x391, 0x400) if chr(code) not in found)
    charset = Charset(tuple(sorted([*found, *(next(others) for _ in range(CLASSES - 1 - len(found)))])))
    start = time.process_time()
    language = model_of(texts, SPEC.order, charset)
    print(f"{SPEC.order}-grams of {len(texts)} lines: {len(language.log_probs)}, {time.process_time() - start:.1f} s")

    lines = "".join(texts)
    starts = np.random.default_rng(2).integers(len(lines) - FRAMES // 4, size=LINES)
    logits = torch.stack([output(lines[start : start + FRAMES // 4], charset, int(start)) for start in starts])
    print(f"{LINES} lines of {FRAMES} frames, {charset.num_classes} classes")
    print(f"{'greedy':28} {cost(best_path, logits, charset):6.2f} ms a line")
    for width in (4, 16, 64):
        for title, model in (("", None), (" and a language model", language)):
            decoder = with_model(SPEC, charset, model)
            decoder = type(decoder)(width, decoder.scorer)
            print(f"{f'beam {width}{title}':28} {cost(decoder, logits, charset):6.2f} ms a line")


def output(text: str, charset: Charset, seed: int) -> torch.Tensor:
    """Logits (T, K) of a line."""
    generator = np.random.default_rng(seed)
    probabilities = (
        generator.dirichlet(np.full(CLASSES, 0.1), size=FRAMES) * generator.choice([0.3, 0.002], FRAMES)[:, None]
    )
    peaks = [charset.encode(text[t // 4])[0] if t % 4 == 0 else charset.blank_index for t in range(FRAMES)]
    doubtful = generator.random(FRAMES) < 1 / 3
    probabilities = np.where(doubtful[:, None], probabilities, probabilities.min(axis=1, keepdims=True))
    probabilities[np.arange(FRAMES), peaks] += 1 - probabilities.sum(axis=1)
    return torch.from_numpy(np.log(np.maximum(probabilities, 1e-12)).astype(np.float32))


def cost(search: Search, logits: torch.Tensor, charset: Charset) -> float:
    times = []
    for _ in range(6):  # the first one warms up, and is left out
        start = time.process_time()
        for batch in logits.split(BATCH):
            texts(search, batch, torch.full((len(batch),), FRAMES), charset)
        times.append(time.process_time() - start)
    return statistics.median(times[1:]) * 1000 / len(logits)


if __name__ == "__main__":
    main()
