"""A model that has learned nothing and still reads something else in every line, for tests of reading."""

import torch
from lab_data import PAGE_TEXTS, draw_line

from thulium.data.batch import collate
from thulium.data.charset import Charset
from thulium.data.images.grey import preprocess
from thulium.models.recogniser import Recogniser
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices


@torch.no_grad()
def reader(experiment):
    """A recogniser whose classes are about equally likely in the frames of some lines."""
    torch.manual_seed(1)
    charset = Charset(tuple(sorted(set("".join(PAGE_TEXTS) + "0123456789"))))
    model = HTRModel(experiment.model, charset, experiment.preprocessing).eval()
    recogniser = Recogniser(model, devices.choose("cpu", mixed_precision=False))
    images = [preprocess(draw_line(text), model.preprocessing) for text in PAGE_TEXTS]
    output = recogniser.output(collate(images, [""] * len(images), PAGE_TEXTS))
    logits = torch.cat([line[:frames] for line, frames in zip(output.logits, output.frames, strict=True)])
    mean, spread = logits.mean(0), logits.std(0)
    classify = model.decoder.classify
    classify.weight.div_(spread[:, None])
    classify.bias.sub_(mean).div_(spread)
    return recogniser
