"""What a path means: a file, a folder of class folders, or a folder with train and test parts."""

from __future__ import annotations

import re
from pathlib import Path

from longtail.formats.how import SPLITS
from longtail.formats.images import layout, subfolders
from longtail.formats.known import DATA
from longtail.formats.sheet import PACKED, suffix_of
from longtail.words import printable

PLACES = {
    "image",
    "images",
    "img",
    "imgs",
    "jpg",
    "jpeg",
    "png",
    "photo",
    "photos",
    "pic",
    "pics",
    "picture",
    "pictures",
}
"""Words in the name of a folder of pictures that say where they are, not what is on them."""


def parts_of(path: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """The files or folders in a folder that are called train, validation or test and hold data; and the folders of such
    a name that hold pictures and no classes.
    """
    folders = {child: layout(child) for child in subfolders(path)}
    files = sorted(
        p for p in path.iterdir() if p.is_file() and not p.name.startswith(".") and suffix_of(p) in DATA
    )
    parts: dict[str, list[Path]] = {part: [] for part in SPLITS}
    flat = []
    for child in sorted([*folders, *files]):
        stem = child.name.split(".")[0].lower() if child.is_file() else child.name.lower()
        for part, words in SPLITS.items():
            # "train-00000-of-00002.parquet" is how the Hugging Face hub names them.
            if stem.split("-0")[0] not in words:
                continue
            if folders.get(child) == "pictures":
                flat.append(child)
            elif child.is_file() or folders[child] == "folders" or _holds_data(child):
                parts[part].append(child)
    return parts, flat


def resolve(path: Path, split: str | None, notes: list[str]) -> Path:
    """The file or the image folder meant; a folder with train and test parts is one of them.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: a folder in which no data set can be made out.
    """
    path = path.expanduser()
    if not path.exists():
        near = sorted(p.name for p in path.parent.iterdir())[:10] if path.parent.is_dir() else []
        beside = f"; beside it are {', '.join(near)}" if near else ""
        raise FileNotFoundError(f"{path} does not exist{beside}")
    if not path.is_dir():
        if split is not None and path.stem.lower() not in SPLITS[split]:
            raise ValueError(f"split={split!r}: {path} is one file; give the folder that has the parts")
        return path
    folders = {child: layout(child) for child in subfolders(path)}
    files = sorted(
        p for p in path.iterdir() if p.is_file() and not p.name.startswith(".") and suffix_of(p) in DATA
    )
    parts, flat = parts_of(path)
    wanted = split or "train"
    if parts[wanted]:
        if len(parts[wanted]) > 1:
            shown = ", ".join(p.name for p in parts[wanted])
            raise ValueError(f"{path}: several parts called {wanted} ({shown}); give one of the files")
        found = parts[wanted][0]
        others = [p for p, there in parts.items() if there and p != wanted]
        others += [
            c.name
            for c, held in folders.items()
            if held and c != found and c not in sum(parts.values(), flat)
        ]
        if others:
            notes.append(f"{found.name} is read; the folder also has {', '.join(others)} (split=)")
        return resolve(found, None, notes) if found.is_dir() else found
    if split is not None:
        raise ValueError(
            f"{path}: no part called {split}; there are {', '.join(p.name for p in sorted(path.iterdir()))}"
        )
    _refuse_detection(path)
    holding = [child for child, held in folders.items() if held]
    nowhere = [c for c in holding if c in flat or (folders[c] == "pictures" and _says_where(c.name))]
    if holding and holding == nowhere and (len(holding) > 1 or holding[0] in flat):
        if len(files) == 1:
            return _only(files[0], notes)
        raise ValueError(
            f"{path}: {', '.join(p.name for p in holding)} hold pictures and no class folders. Give the table of labels"
            " (a csv with file names), and their folder as images="
        )
    if len(holding) == 1 and layout(path) != "pictures":
        if folders[holding[0]] == "folders":
            notes.append(f"{holding[0].name} is read, the only folder with pictures")
            return resolve(holding[0], None, notes)
        if len(files) == 1:
            return _only(files[0], notes)
    if folders and (holding or not files):
        if holding and files:
            notes.append(f"the folders are the classes; not read: {', '.join(f.name for f in files[:5])}")
        return path
    if len(files) == 1:
        return _only(files[0], notes)
    shown = ", ".join(p.name for p in sorted(path.iterdir())) or "nothing"
    raise ValueError(
        f"{path}: neither class folders with images nor a single data file; it holds {shown}: give a file"
    )


def title_of(path: Path) -> str:
    """The name of a data set, from its path."""
    name = path.name
    for ending in PACKED:
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    stem = name.rsplit(".", 1)[0] if path.is_file() else path.resolve().name
    return printable(path.resolve().parent.name if stem.lower() in sum(SPLITS.values(), ()) else stem)


def _only(file: Path, notes: list[str]) -> Path:
    notes.append(f"{file.name} is read, the only data file in the folder")
    return file


def _says_where(name: str) -> bool:
    words = {word for word in re.split(r"[\W_\d]+", name.lower()) if word}
    return bool(words & PLACES) and words <= PLACES | set(sum(SPLITS.values(), ()))


def _holds_data(folder: Path) -> bool:
    return any(p.is_file() and suffix_of(p) in DATA for p in folder.iterdir())


def _refuse_detection(path: Path) -> None:
    """Folders of detection data are named as what they are.

    Raises:
        ValueError: it is one.
    """
    remedy = (
        "What is classified here has one label per picture. To convert: cut each box out of its picture, and save it as"
        " FOLDER/CLASS/NUMBER.png"
    )
    children = {p.name.lower(): p for p in path.iterdir()}
    listed = any(name in children for name in ("data.yaml", "data.yml", "dataset.yaml"))
    inner = [children.get(part, path) for part in ("train", "training")] + [path]
    boxes = any(
        (p / "images").is_dir() and (p / "labels").is_dir() and next((p / "labels").rglob("*.txt"), None)
        for p in inner
    )
    if listed or boxes:
        raise ValueError(f"{path}: a YOLO folder: boxes on pictures, several per picture. {remedy}")
    voc = children.get("annotations")
    if voc is not None and voc.is_dir() and next(voc.glob("*.xml"), None) is not None:
        raise ValueError(f"{path}: a Pascal VOC folder: boxes on pictures, several per picture. {remedy}")
    if voc is not None and voc.is_dir():
        for file in sorted(voc.glob("*.json"))[:1]:
            start = file.read_bytes()[:4096]
            if b'"images"' in start or b'"annotations"' in start or b'"categories"' in start:
                raise ValueError(f"{path}: a COCO folder: boxes on pictures, several per picture. {remedy}")
