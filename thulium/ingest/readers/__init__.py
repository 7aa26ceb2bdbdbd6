"""A file for each format of data. Each lists what there is to read, cheaply, and reads one piece of it at a time.

A reader is a module with three functions, which know nothing of shards or processes:

    units(dataset, needs_text=True) -> list of units
                                        in a stable order; a unit is small, can be pickled, and holds whole pages or a
                                        part of one; a Fault stands in place of what cannot be read at all;
                                        raises DataError where the place itself is not as the document says
    names(units, dataset) -> iterator   Origin: the lines, pages and documents that lists may name, as far as they are
                                        known before anything is read; asked for only where there are lists
    read(unit, dataset, needs_text=True) -> iterator
                                        Line or Fault, in a stable order; never raises for bad input

Who wants lines to be read by a model, not to learn from, needs no text (``needs_text=False``): then there is a line
wherever there is an image of one. Its text is empty where nobody has transcribed it, and where what stands there cannot
be used; what is wrong with its image, its outline or its place stays a fault, and what the document leaves out stays
left out. No split is asked then, and no list.
"""

from types import ModuleType

from thulium.ingest.readers import alto, custom, gt_txt, page, parquet, synthetic

READERS: dict[str, ModuleType] = {
    "custom": custom,
    "gt_txt": gt_txt,
    "page": page,
    "alto": alto,
    "parquet": parquet,
    "synthetic": synthetic,
}
