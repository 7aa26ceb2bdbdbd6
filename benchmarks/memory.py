"""Does the memory of a training grow? What the process holds after each of ten epochs, all stages of the engine on.

The process that trains is looked at, MiB that are in the machine's memory; its loader is another process.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from thulium.stages.prepare import prepare
from thulium.stages.train import train
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.pipeline.graph import STAGES
from thulium_dsl.text.document import parse

EPOCHS = 10
DOCUMENT = f"""\
dataset: {{type: synthetic, lines: {{train: 300, val: 40, test: 1}}}}
preprocessing: {{height: 40}}
model: {{backbone: {{type: resnet, config_name: resnet_tiny}}, head: {{type: bilstm, hidden_size: 64}}}}
training: {{epochs: {EPOCHS}}}
early_stopping: {{enabled: false}}
resources: {{threads: 1}}
"""


def main() -> None:
    document = experiment_of(parse(DOCUMENT))
    held: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        sections = {
            section: getattr(document, section)
            for stage in STAGES
            if stage.name == "train"
            for section in (*stage.reads, *stage.also)
        }
        prepare(
            dataset=document.dataset,
            preprocessing=document.preprocessing,
            resources=document.resources,
            out=out / "prepared",
        )
        train(
            **sections,
            prepared=out / "prepared",
            out=out,
            run_dir=out / "runs",
            resume_dir=out / "resume",
            on_pace=lambda _pace, _device: held.append(resident_mib()),
        )
    print("after each epoch, MiB: " + ", ".join(f"{value:.0f}" for value in held))
    print(f"growth from epoch 2 to {EPOCHS}: {held[-1] - held[1]:+.0f} MiB")


def resident_mib() -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
