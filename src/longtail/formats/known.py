"""Which format a file has, by its content first and its ending second; and what to do with formats that are not read."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from longtail.formats.arff import read_arff
from longtail.formats.columnar import read_feather, read_parquet
from longtail.formats.conll import looks_like_conll
from longtail.formats.delimited import read_delimited
from longtail.formats.how import How, Wanted
from longtail.formats.records import read_json
from longtail.formats.sheet import PACKED, Sheet, read_bytes, suffix_of, unpack
from longtail.formats.spreadsheet import read_xlsx
from longtail.formats.svmlight import looks_like_svmlight

DELIMITED = (".csv", ".tsv", ".txt", ".data", ".tab", ".trn", ".tst", ".dat", ".label")
CONLL = (".conll", ".iob", ".iob2", ".bio")
JSON = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
FEATHER = (".feather", ".arrow", ".ipc")
ARRAYS = (".npz", ".safetensors", ".npy")
SVMLIGHT = (".svm", ".svmlight", ".libsvm")
OTHERS = (".arff", ".xlsx", ".xlsm")
DATA = (*DELIMITED, *CONLL, *JSON, *PARQUET, *FEATHER, *ARRAYS, *SVMLIGHT, *OTHERS)
"""Endings of data files, as they are looked for in a folder. A file that is named may have any ending."""

TAKES: dict[str, tuple[str, ...]] = {
    "conll": ("encoding",),
    "delimited": ("drop", "header", "encoding", "delimiter", "missing", "images"),
    "json": ("drop", "encoding", "missing", "images"),
    "arff": ("drop", "encoding", "missing", "images"),
    "xlsx": ("drop", "header", "missing", "sheet", "images"),
    "parquet": ("drop", "missing", "images"),
    "feather": ("drop", "missing", "images"),
}
"""What the user may say about a file of each format; of a file or a folder of any, ``split`` and ``skip_bad``."""

KNOWN = (
    "csv, tsv, txt, data, jsonl, json, CoNLL columns, parquet, feather, arff, KEEL dat, svmlight, xlsx, npz, npy and "
    "safetensors"
)

_PICKLE = (
    "a Python pickle, which is never opened because it can run code",
    "pandas.read_pickle(FILE).to_parquet('data.parquet')",
)
_HDF = ("an HDF5 file", "pandas.read_hdf(FILE).to_parquet('data.parquet')")
_SQL = ("a database", "pandas.read_sql('select * from TABLE', connection).to_parquet('data.parquet')")
_MATLAB = ("a MATLAB file", "m = scipy.io.loadmat(FILE); numpy.savez('data.npz', x=m['X'], y=m['y'].ravel())")
_R = ("an R file", "write.csv(DATA, 'data.csv', row.names=FALSE) in R")
_EXCEL = ("a spreadsheet of an older or another kind", "save it as xlsx or csv")
_TORCH = ("a PyTorch file", "numpy.savez('data.npz', x=X.numpy(), y=y.numpy())")
_ARCHIVE = ("an archive", "unpack it, and name the file or the folder")
_TREE = ("a file of nested elements", "pandas.read_xml(FILE).to_csv('data.csv', index=False)")
_SAS = ("a SAS file", "pandas.read_sas(FILE).to_parquet('data.parquet')")
FOREIGN = {
    ".pkl": _PICKLE, ".pickle": _PICKLE, ".joblib": _PICKLE, ".h5": _HDF, ".hdf5": _HDF, ".hdf": _HDF, ".db": _SQL,
    ".sqlite": _SQL, ".sqlite3": _SQL, ".mat": _MATLAB, ".rds": _R, ".rda": _R, ".rdata": _R, ".xls": _EXCEL,
    ".ods": _EXCEL, ".xlsb": _EXCEL, ".pt": _TORCH, ".pth": _TORCH, ".ckpt": _TORCH, ".tar": _ARCHIVE, ".tgz": _ARCHIVE,
    ".7z": _ARCHIVE, ".rar": _ARCHIVE, ".xml": _TREE, ".sas7bdat": _SAS, ".xpt": _SAS,
    ".dta": ("a Stata file", "pandas.read_stata(FILE).to_parquet('data.parquet')"),
    ".sav": ("an SPSS file", "pandas.read_spss(FILE).to_parquet('data.parquet')"),
    ".orc": ("an ORC file", "pandas.read_orc(FILE).to_parquet('data.parquet')"),
    ".html": ("a web page", "pandas.read_html(FILE)[0].to_csv('data.csv', index=False)"),
    ".yaml": ("a YAML file; where it lists train, val and names, it describes YOLO detection data", "cut each box out of"
              " its picture and save it as FOLDER/CLASS/NUMBER.png"),
    ".tfrecord": ("a TensorFlow record file", "write its features to parquet or npz"),
    ".pdf": ("a document", "copy its table into a csv file"),
}  # fmt: skip
FOREIGN |= {".yml": FOREIGN[".yaml"], ".htm": FOREIGN[".html"], ".docx": FOREIGN[".pdf"]}

_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "feather",
    b"FEA1": "feather",
    b"\x93NUMPY": "arrays",
    b"\x89HDF": ".h5",
    b"SQLite format 3": ".sqlite",
    b"MATLAB 5.0": ".mat",
    b"\xd0\xcf\x11\xe0": ".xls",
    b"%PDF": ".pdf",
    b"7z\xbc\xaf": ".7z",
    b"Rar!": ".rar",
    b"$FL2": ".sav",
    b"ORC": ".orc",
    b"RDX": ".rds",
    b"\x80\x02": ".pkl", b"\x80\x03": ".pkl", b"\x80\x04": ".pkl", b"\x80\x05": ".pkl",
}  # fmt: skip
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")


def format_of(path: Path) -> str:
    """ "parquet", "feather", "xlsx", "arrays", "json", "arff", "svmlight", "conll", "delimited" or "picture".

    Raises:
        ValueError: a format that is not read, with the way to convert it; or an empty file.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    suffix = suffix_of(path)
    if not head:
        raise ValueError(f"{path}: the file is empty")
    if suffix in ARRAYS:
        return "arrays"
    packed = head[:2] == b"\x1f\x8b" or head[:3] == b"BZh" or head[:5] == b"\xfd7zXZ"
    if head[:4] == b"PK\x03\x04":
        inner = _zipped(path)
        if inner:
            return inner
        packed = True
    if packed:
        head = unpack(path.read_bytes(), path)[: 1 << 16]
    if head[128:].startswith(b"\x00\x00\x00\x00\x02\x00\x00\x00") and head.startswith(b"MATLAB"):
        raise _foreign(path, ".mat")
    for mark, found in _MAGIC.items():
        if head.startswith(mark):
            if found.startswith("."):
                raise _foreign(path, found)
            return found
    if head.startswith(_PICTURES):
        return "picture"
    if suffix in FOREIGN:
        raise _foreign(path, suffix)
    if suffix in PARQUET:
        return "parquet"
    if suffix in FEATHER:
        return "feather"
    if suffix in (".xlsx", ".xlsm"):
        raise ValueError(f"{path}: not a readable xlsx file: save it again")
    return _text_format(path, head, suffix)


def check_options(path: Path, form: str, how: How) -> None:
    """Raise where an option has no meaning for a file of that format.

    Raises:
        ValueError: which.
    """
    what = {
        "arrays": "a file of arrays",
        "conll": "read as CoNLL columns",
        "picture": "a picture",
        "folder": "a folder of images",
    }
    named = what.get(form, f"read as {form}")
    how.refuse_but((*TAKES.get(form, ()), "split", "skip_bad"), f"{path}, {named}")


def _text_format(path: Path, head: bytes, suffix: str) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if suffix in JSON:
        return "json"
    if suffix == ".arff" or re.search(rb"^\s*@attribute\s", head, re.I | re.M):
        return "arff"
    if start[:1] in (b"{", b"[") and suffix not in (".csv", ".tsv", ".tab") and _starts_like_json(start):
        return "json"
    if start[:9].lower() == b"<!doctype" or start[:5].lower() == b"<html":
        raise _foreign(path, ".html")
    if start[:5] == b"<?xml":
        raise _foreign(path, ".xml")
    if suffix in SVMLIGHT or looks_like_svmlight(
        head[: max(head.rfind(b"\n"), 1)] if b"\n" in head else head
    ):
        return "svmlight"
    if suffix in CONLL or looks_like_conll(head[: head.rfind(b"\n") + 1] if len(head) == 1 << 16 else head):
        return "conll"
    if (
        suffix not in DELIMITED
        and head.count(b"\0") > len(head) // 20
        and not head.startswith((b"\xff\xfe", b"\xfe\xff"))
    ):
        raise ValueError(f"{path}: binary data of a format that is not known; read are {KNOWN}")
    return "delimited"


def _starts_like_json(start: bytes) -> bool:
    rest = start[1:].lstrip()
    return rest[:1] in (b'"', b"{", b"[", b"}", b"]")


def _zipped(path: Path) -> str:
    """What a zip archive is: "xlsx", "arrays" (npz), or "" for one that holds a single file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path}: a damaged archive ({error}): copy or download it again") from error
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names or "content.xml" in names:
        raise _foreign(path, ".ods")
    if "word/document.xml" in names:
        raise _foreign(path, ".docx")
    if any(name.endswith("/data.pkl") for name in names):
        raise _foreign(path, ".pt")
    return "arrays" if names and all(name.endswith(".npy") for name in names) else ""


def _foreign(path: Path, suffix: str) -> ValueError:
    what, how = FOREIGN[suffix]
    how = how.replace("FILE", repr(str(path)))
    return ValueError(f"{path}: {what}; it is not read. To convert: {how}. Read are {KNOWN}")


def read_sheet(path: Path, form: str, how: How, wanted: Wanted | None = None) -> Sheet:
    """The table in a file of that format, which :func:`format_of` found.

    Raises:
        ValueError: what is there cannot be read as asked; names file, column, row and remedy.
    """
    if form == "parquet":
        return read_parquet(path, read_bytes(path) if path.suffix.lower() in PACKED else None)
    data = read_bytes(path) if form != "xlsx" else path.read_bytes()
    if form == "feather":
        return read_feather(path, data)
    if form == "xlsx":
        return read_xlsx(path, data, how, wanted)
    if not data.strip():
        raise ValueError(f"{path}: the file is empty")
    if form == "json":
        return read_json(path, data, how.encoding, how.skip_bad)
    if form == "arff":
        return read_arff(path, data, how)
    return read_delimited(path, data, how, wanted)
