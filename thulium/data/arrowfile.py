"""Arrow IPC files that may be damaged, cut off or made to do harm: looked through before anything in them is believed.

What Arrow itself trusts, and we do not: that a batch's buffers lie within the file, that offsets ascend, that texts are
UTF-8, and that a compressed buffer is as large unpacked as it says. What we write has no compressed buffers.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from thulium.runtime.errors import DataError

MAGIC = b"ARROW1\0\0"
END = b"ARROW1"  # behind the footer
AGAIN = "prepare the data again"

# The places of fields in the tables of the format's Message.fbs.
MESSAGE_HEADER = 2
BATCH_COMPRESSION = 3


class ArrowFile:
    """The batches of a file, and where their bytes lie in it.

    Attributes:
        batches: checked in full; their buffers are the file's own bytes, mapped, and are not to outlive the opening:
            a file that is cut short while it is mapped ends the process that looks.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        """Map a file and look through it.

        Raises:
            DataError: it is not what was written; names the file.
        """
        self.name = file.name
        try:
            self._whole = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            self.batches = list(self._read(schema))
        except (pa.ArrowException, OSError, ValueError, struct.error) as error:
            raise damaged(self.name, str(error).split("\n")[0]) from error

    def position(self, buffer: pa.Buffer) -> int:
        """Where a buffer of a batch begins in the file, in bytes."""
        return int(buffer.address - self._whole.address)

    def _read(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        if self._whole.slice(0, len(MAGIC)).to_pybytes() != MAGIC or not self._ends_whole():
            raise ValueError("it does not begin and end as Arrow files do")
        stream = pa.BufferReader(self._whole)
        stream.seek(len(MAGIC))
        messages = pa.ipc.MessageReader.open_stream(stream)
        head = _next(messages)
        if head is None or not pa.ipc.read_schema(head).equals(schema):
            raise ValueError("its columns are others")
        while (message := _next(messages)) is not None:
            if message.type != "record batch":
                raise ValueError(f"it holds a {message.type}")
            if _is_compressed(message.metadata.to_pybytes()):
                raise ValueError("it is compressed")
            batch = pa.ipc.read_record_batch(message, schema)
            batch.validate(full=True)
            self._check(batch)
            if batch.num_rows:
                yield batch

    def _ends_whole(self) -> bool:
        size = len(self._whole)
        return size > len(MAGIC) + len(END) and self._whole.slice(size - len(END)).to_pybytes() == END

    def _check(self, batch: pa.RecordBatch) -> None:
        first, size = self._whole.address, len(self._whole)
        for column in batch.columns:
            if column.null_count:
                raise ValueError("it has empty cells")
            for buffer in column.buffers():
                if buffer and not first <= buffer.address <= first + size - buffer.size:
                    raise ValueError("it is stored in another way")


def damaged(name: object, why: str) -> DataError:
    """The error of a file that is not what was written."""
    return DataError(f"{name}: is damaged ({why}): {AGAIN}")


def _next(messages: pa.ipc.MessageReader) -> pa.ipc.Message | None:
    try:
        return messages.read_next_message()
    except StopIteration:
        return None


def _is_compressed(metadata: bytes) -> bool:
    """Whether the header of a batch names a compression. Arrow has checked that it is a message by then.

    Source: the binary format of FlatBuffers: a table begins with how far before it its list of fields lies; that has
    its own size, the table's, and for each field its place in the table, or 0.
    """

    def field(table: int, number: int) -> int:
        fields = table - struct.unpack_from("<i", metadata, table)[0]
        size, entry = struct.unpack_from("<H", metadata, fields)[0], 4 + 2 * number
        place = struct.unpack_from("<H", metadata, fields + entry)[0] if entry < size else 0
        return table + place if place else 0

    def follow(place: int) -> int:
        return int(place + struct.unpack_from("<I", metadata, place)[0])

    return bool(field(follow(field(follow(0), MESSAGE_HEADER)), BATCH_COMPRESSION))
