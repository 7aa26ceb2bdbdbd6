"""A ZIP archive of an export, unpacked without harm: nothing outside of a folder, no links, no more than has room."""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from thulium_dsl.messages.problems import ThuliumError

MOST_TIMES = 200  # what is unpacked may be larger than the archive; XML becomes some 20 times as large
FREE = 1 << 26  # bytes; smaller archives may unpack to any multiple
MOST_FILES = 1_000_000
LONGEST = 255  # bytes of a file's name, which file systems take
SHOWN = 10
_UTF8 = 0x800  # flags of an entry
_ENCRYPTED = 0x1
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: written where there are no such kinds


def unpack(archive: Path, folder: Path) -> list[str]:
    """Unpack an archive into a folder that is there and empty.

    Returns:
        What a person should know of it.

    Raises:
        ThuliumError: it is no ZIP archive, a broken or an encrypted one, or holds what could do harm; names all of it.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not _is_hidden(_name(entry))]
            _check(archive, entries, folder)
            for entry in entries:
                _write(opened, entry, folder)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, UnicodeError) as error:
        raise ThuliumError(f"{archive}: {_unopened(archive, error)}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise ThuliumError(f"{archive}: is damaged ({error}): export or download it again") from None  # as bz2 says it
    except (NotImplementedError, RuntimeError) as error:
        message = f"{archive}: cannot be unpacked here ({error}): unpack it yourself, and name the folder"
        raise ThuliumError(message) from None
    foreign = [entry for entry in entries if not entry.flag_bits & _UTF8 and not _is_utf8(entry)]
    if not foreign:
        return []
    shown = _name(foreign[0])
    return [
        f"{_counted(len(foreign), 'name')} in the archive, such as {shown!r}, do not say in which encoding they are: "
        "if they look wrong, unpack it with the program that packed it, and name the folder"
    ]


def _unopened(archive: Path, error: Exception) -> str:
    """Why an archive could not be read, and what to do."""
    if archive.stat().st_size == 0:
        return "is empty (0 bytes): export or download it again"
    if zipfile.is_zipfile(archive):
        return f"is damaged ({error}): export or download it again"
    if archive.suffix.lower() == ".zip":
        return f"is no ZIP archive, or a broken one ({error}): export or download it again"
    return "is a file and no ZIP archive: name the folder in which transcriptions and images lie"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _raw(entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a name that does not say that it is UTF-8; zipfile has read them as code page 437."""
    return entry.orig_filename.encode("cp437", "replace")


def _is_utf8(entry: zipfile.ZipInfo) -> bool:
    try:
        _raw(entry).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _name(entry: zipfile.ZipInfo) -> str:
    """The path of an entry, with /. Many programs write UTF-8 without saying so."""
    name = entry.orig_filename
    if not entry.flag_bits & _UTF8 and _is_utf8(entry):
        name = _raw(entry).decode("utf-8")
    return name.replace("\\", "/")


def _is_hidden(name: str) -> bool:
    """Whether readers would pass it over: such as what macOS adds to each file."""
    parts = PurePosixPath(name).parts
    return any((part.startswith(".") and part not in (".", "..")) or part == "__MACOSX" for part in parts)


def _check(archive: Path, entries: list[zipfile.ZipInfo], folder: Path) -> None:
    problems = list(_problems(entries))
    size, packed = sum(entry.file_size for entry in entries), archive.stat().st_size
    room = shutil.disk_usage(folder).free
    if len(entries) > MOST_FILES:
        problems.append(f"holds {len(entries):,} files, and no more than {MOST_FILES:,} are unpacked")
    if size > max(FREE, MOST_TIMES * packed):
        problems.append(
            f"unpacks to {size // max(packed, 1):,} times its size, which no export does: look into it first"
        )
    elif size > room:
        problems.append(f"unpacks to {size / 1e9:.1f} GB, and the disk has {room / 1e9:.1f} GB left: make room")
    if problems:
        shown = problems[:SHOWN] + ([f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else [])
        lines = "\n".join(f"{archive}: {problem}" for problem in shown)
        raise ThuliumError(f"{lines}\n  help: unpack it yourself, put right what is wrong, and name the folder")


def _problems(entries: list[zipfile.ZipInfo]) -> Iterator[str]:
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        yield "needs a password"
    taken: dict[PurePosixPath, bool] = {}  # path -> whether it is a folder
    for entry in entries:
        name = _name(entry)
        path = PurePosixPath(name)
        if (entry.external_attr >> 16) and stat.S_IFMT(entry.external_attr >> 16) not in _KINDS:
            yield f"{name!r} is a link or a device, not a file"
        elif name.startswith("/") or ".." in path.parts or (path.parts[:1] and path.parts[0].endswith(":")):
            yield f"{name!r} leads out of the folder"
        elif not path.parts or "\0" in name or any(map(_is_long, path.parts)):
            yield f"{name[:60]!r} cannot be the name of a file"
        elif any(not is_folder for is_folder in (taken.get(above, True) for above in path.parents)):
            yield f"{name!r} lies in a file, not in a folder"
        elif path in taken and not (taken[path] and _is_folder(entry)):
            yield f"{name!r} is there twice"
        else:
            taken[path] = _is_folder(entry)
            taken.update({above: True for above in path.parents if above not in taken})


def _is_long(part: str) -> bool:
    return len(part.encode("utf-8", "replace")) > LONGEST


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return _name(entry).endswith("/")


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Write one file. No more is read than its entry says that it holds, and its checksum is held against it."""
    path = folder.joinpath(*PurePosixPath(_name(entry)).parts)
    if _is_folder(entry):
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(entry) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
