"""Bytes to text: UTF-8, or what else it evidently is, always said."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


def decode(data: bytes, path: Path, encoding: str | None = None) -> tuple[str, list[str]]:
    """The text of a file, line ends as ``\\n``, and what was noticed.

    ``encoding`` is a name that Python knows; with ``:replace`` behind it ("utf-8:replace") damaged bytes are
    replaced. Without it: a byte order mark decides, then UTF-8, then GB18030 if that gives mostly Chinese,
    then Windows-1252.

    Raises:
        ValueError: an empty file; bytes that are not in the encoding; a UTF-8 file with some damaged bytes.

    >>> decode("naïve café".encode("latin-1"), Path("a.csv"))
    ('naïve café', ['not UTF-8: read as windows-1252 (pass encoding= if that is wrong)'])
    """
    if not data.strip():
        raise ValueError(f"{path}: the file is empty")
    text, notes = _decode(data, path, encoding)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(
            f"{path}, line {line}: holds a NUL character: this is no text file, or a damaged one"
        )
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        stray = text.count("\r")
        if stray and "\n" in text:
            notes.append(f"{stray} carriage returns inside lines: read as spaces")
            text = text.replace("\r", " ")
        else:
            text = text.replace("\r", "\n")
    return text, notes


def _decode(data: bytes, path: Path, encoding: str | None) -> tuple[str, list[str]]:
    if encoding is not None:
        name, _, how = encoding.partition(":")
        try:
            if how == "replace":
                text = data.decode(name, errors="replace")
                return text, [f"{text.count(chr(0xFFFD))} places that are not {name}: read as \ufffd"]
            return data.decode(encoding), []
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ValueError(
                f"{path}, line {line}: not {encoding}; leave encoding out to have it detected"
            ) from error
        except LookupError as error:
            raise ValueError(f"encoding={encoding!r} is not an encoding Python knows") from error
    for mark, name, title in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name), [f"{title}"]
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}: starts like {title} but is damaged at byte {error.start}"
                ) from error
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        loose = data.decode("utf-8", errors="replace")
        broken = loose.count("\ufffd")
        good = sum(1 for c in loose if c > "\x7f") - broken
        if good > 10 * broken:
            line = data.count(b"\n", 0, error.start) + 1
            raise ValueError(
                f"{path}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8, though the rest of"
                " the file is"
                f" ({broken} such places): mend it, or pass encoding='utf-8:replace' to read them as \ufffd"
            ) from error
    return _legacy(data)


def _legacy(data: bytes) -> tuple[str, list[str]]:
    said = "(pass encoding= if that is wrong)"
    try:
        text = data.decode("gb18030")
        foreign = [c for c in text if c > "\x7f"]
        if sum("\u4e00" <= c <= "\u9fff" for c in foreign) > 0.6 * len(foreign):
            return text, [f"not UTF-8: read as gb18030 {said}"]
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252"), [f"not UTF-8: read as windows-1252 {said}"]
    except UnicodeDecodeError:
        return data.decode("latin-1"), [f"not UTF-8: read as latin-1 {said}"]


def clean(text: str) -> str:
    """Without lone surrogates, which no file can hold; JSON escapes can bring them in."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
