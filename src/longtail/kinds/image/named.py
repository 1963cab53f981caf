"""Tables that name pictures: the column of file names, and where the files are."""

from __future__ import annotations

from pathlib import Path

from longtail.formats.columns import IMAGE_NAMES
from longtail.formats.how import How
from longtail.formats.images import SUFFIXES, list_pictures, subfolders
from longtail.formats.sheet import MISSING, Sheet


def picture_column(sheet: Sheet, how: How, label: str | None) -> str | None:
    """The column of picture files; None where there is none.

    Args:
        label: the column of labels where it was named: it is no column of files.
    """
    found = []
    for name in map(str, sheet.frame.columns):
        cells = [str(v).strip() for v in sheet.frame[name].iloc[:200] if isinstance(v, str) and v.strip()]
        if name == label or not cells:
            continue
        if sum(_has_suffix(c) for c in cells) > 0.9 * len(cells) and len(set(cells)) > len(cells) / 2:
            found.append(name)
    if not found and how.images is not None:
        stems = {p.stem.lower() for p in list_pictures(how.images)}
        for name in map(str, sheet.frame.columns):
            cells = [str(v).strip().lower() for v in sheet.frame[name].iloc[:200] if isinstance(v, str | int)]
            if name != label and cells and sum(c in stems for c in cells) > 0.5 * len(cells):
                found.append(name)
        if not found:
            raise ValueError(f"{sheet.path}: no column names the pictures in images={str(how.images)!r}")
    known = [c for c in found if any(word in c.lower() for word in (*IMAGE_NAMES, "file", "path"))]
    return next(iter(known or found), None)


def picture_files(sheet: Sheet, column: str, how: How) -> tuple[list[Path], list[int], list[str]]:
    """The files that a column names, which rows have one, and what was noticed.

    Files are looked for in ``how.images``, or beside the table and in the folders beside it.

    Raises:
        ValueError: files that are not there; the first is named.
    """
    cells = ["" if v is None or v != v else str(v).strip() for v in sheet.frame[column]]
    named = [c for c in cells if c.lower() not in MISSING]
    if not named:
        raise ValueError(f"{sheet.path}, column {column!r}: no row names a picture")
    if "://" in named[0]:
        raise ValueError(
            f"{sheet.path}, column {column!r}: addresses ({named[0]}): download the pictures first"
        )
    root, by_name = _root(sheet.path, named, how.images)
    files: list[Path] = []
    rows: list[int] = []
    absent: list[int] = []
    for i, cell in enumerate(cells):
        file = root / cell.replace("\\", "/")
        if cell and not file.is_file():
            called = by_name.get(cell.replace("\\", "/").rsplit("/", 1)[-1].lower(), [])
            if len(called) > 1:
                raise ValueError(
                    f"{sheet.path}, column {column!r}, row {i + 1}: {cell!r} may be {called[0]} or {called[1]}: write the"
                    f" names as paths from {root}"
                )
            file = called[0] if called else file
        if cell and file.is_file():
            files.append(file)
            rows.append(i)
        else:
            absent.append(i)
    if absent and (not how.skip_bad or not rows):
        first = cells[absent[0]]
        raise ValueError(
            f"{sheet.path}, column {column!r}: names pictures, and {len(absent)} of {len(cells)} are not there (row"
            f" {absent[0] + 1}: {first!r}, looked for in {root}): name their folder with images="
            + (", leave these rows out with skip_bad=True," if rows else "")
            + " or read the names as words with kind='table'"
        )
    notes = [f"pictures named in column {column!r}, in {root}"]
    if absent:
        notes.append(
            f"{len(absent)} rows whose picture is not there are left out (first: row {absent[0] + 1})"
        )
    return files, rows, notes


def _root(table: Path, named: list[str], images: Path | None) -> tuple[Path, dict[str, list[Path]]]:
    """The folder that the names are relative to, and the files in it by name where names alone must do."""
    if images is not None:
        if not images.is_dir():
            raise ValueError(f"images={str(images)!r} is no folder")
        by_name: dict[str, list[Path]] = {}
        for file in list_pictures(images):
            for key in {file.name.lower(), file.stem.lower()}:
                by_name.setdefault(key, []).append(file)
        return images, by_name
    beside = [table.parent, *subfolders(table.parent)]
    hits = [sum((folder / name.replace("\\", "/")).is_file() for name in named[:50]) for folder in beside]
    return beside[hits.index(max(hits))], {}


def _has_suffix(cell: str) -> bool:
    return Path(cell).suffix.lower() in SUFFIXES
