"""Own code: a digest of what a class or function of the user's own does, so that edited code counts as another one.

It is made of the compiled code, not of the text: comments, blank lines and the file's place do not count. Whatever that
code names counts with it: base classes, functions beside it, other modules of the user's own, and the values of globals.
A class of an installed package counts by its name, the package's version and the text of its file; what is of longtail,
torch or Python by name alone. What is compiled to machine code cannot be looked into, and counts by name.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import hashlib
import importlib
import importlib.util
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))
NO_CODE = {
    "__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__qualname__", "__firstlineno__",
    "__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__slotnames__", "_abc_impl",
}  # fmt: skip
"""Attributes of a class that say where it stands, or that Python keeps there for itself, not what it does."""

KNOWN = {"longtail", "torch"}
"""Packages whose version is in every key already."""


def code_digest(target: Any) -> str:
    """SHA-256 (hex) of a class or function and of all of the user's own code that it names.

    >>> def of(text):
    ...     exec(text, script := {"__name__": "__main__"})
    ...     return code_digest(script["double"])
    >>> of("def double(x): return 2 * x") == of("def double(x): return 2 * x  # twice")
    True
    >>> of("def double(x): return 2 * x") == of("def double(x): return 3 * x")
    False
    """
    walk = _Walk()
    walk.visit(target)
    return walk.hash.hexdigest()


def is_own(module: str) -> bool:
    """Is a module of that name the user's own: no part of longtail, of Python, or of an installed package?

    >>> is_own("__main__"), is_own("torch.nn"), is_own("json")
    (True, False, False)
    """
    top = module.partition(".")[0]
    if top in ("__main__", "__mp_main__"):
        return True
    file = _file_of(top)
    if top in KNOWN or file is None:
        return top not in KNOWN and top not in sys.stdlib_module_names
    return not any(file.is_relative_to(place) for place in _installed())


@functools.cache
def _installed() -> tuple[str, ...]:
    """Where Python and its packages are."""
    paths = sysconfig.get_paths()
    ours = (paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    return tuple({*ours, *(p for p in sys.path if p.endswith("-packages"))})


class _Walk:
    """Everything reachable from a piece of code, into one hash."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.seen: dict[int, int] = {}
        self.kept: list[Any] = []  # what went away could lend its address to another
        self.asked: set[tuple[str, tuple[str, ...]]] = set()

    def say(self, *words: object) -> None:
        for word in words:
            text = word if isinstance(word, bytes) else str(word).encode(errors="surrogatepass")
            self.hash.update(f"{len(text)}:".encode() + text)

    def all(self, what: str, values: Iterable[Any]) -> None:
        values = tuple(values)
        self.say(what, len(values))
        for value in values:
            self.visit(value)

    def visit(self, value: Any) -> None:
        if isinstance(value, PLAIN):
            return self.say(type(value).__name__, repr(value))
        if isinstance(value, tuple):  # equal ones may be one object or two, by how they were compiled
            return self.all("tuple", value)
        if isinstance(value, frozenset):
            return self.all("set", sorted(value, key=repr))
        if id(value) in self.seen:
            return self.say("again", self.seen[id(value)])
        self.seen[id(value)] = len(self.seen)
        self.kept.append(value)
        match value:
            case types.CodeType():
                self.code(value)
            case types.FunctionType():
                self.function(value)
            case type():
                self.cls(value)
            case types.ModuleType():
                self.say("module", value.__name__)
            case staticmethod() | classmethod():
                self.all(type(value).__name__, (value.__func__,))
            case types.MethodType():
                self.all("bound", (value.__func__, value.__self__))
            case property():
                self.all("property", (value.fget, value.fset, value.fdel))
            case functools.partial():
                self.all("partial", (value.func, value.args, value.keywords))
            case list():
                self.all("list", value)
            case set():
                self.all("set", sorted(value, key=repr))
            case dict():
                self.all("dict", ((k, value[k]) for k in sorted(value, key=repr)))
            case _:
                self.thing(value)

    def code(self, code: types.CodeType) -> None:
        self.say("code", code.co_code, code.co_flags, code.co_exceptiontable)
        self.all("names", (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
        self.all("constants", code.co_consts)

    def function(self, f: types.FunctionType) -> None:
        cells = [c.cell_contents for c in f.__closure__ or () if _filled(c)]
        if not is_own(f.__globals__.get("__name__", "")):  # perhaps a decorator around what is own
            self.named(f.__globals__["__name__"], f.__qualname__)
            return self.all("around", filter(_runs, (f.__dict__.get("__wrapped__"), *cells)))
        self.visit(f.__code__)
        self.all("with", (f.__defaults__, f.__kwdefaults__, f.__dict__.get("__wrapped__"), *cells))
        names = tuple(sorted({name for code in _codes(f.__code__) for name in code.co_names}))
        for name in names:
            if name in f.__globals__:
                self.say("global", name)
                self.used(f.__globals__[name], names)
        for module in _imported(f):
            self.used(module, names)

    def used(self, value: Any, names: tuple[str, ...]) -> None:
        """A global; of a module of the user's own, what the code may name of it."""
        if not isinstance(value, types.ModuleType) or not is_own(value.__name__):
            return self.visit(value)
        if (value.__name__, names) not in self.asked:
            self.asked.add((value.__name__, names))
            for name in names:
                if name in vars(value):
                    self.say("attribute", name)
                    self.used(vars(value)[name], names)

    def cls(self, cls: type) -> None:
        if not is_own(cls.__module__):
            return self.named(cls.__module__, cls.__qualname__)
        self.all("class", (cls.__name__, cls.__bases__, type(cls)))
        for name, value in sorted(vars(cls).items()):
            if name not in NO_CODE:
                self.say("attribute", name)
                self.visit(value)

    def thing(self, value: Any) -> None:
        """Any other value: an array's numbers, an own instance's attributes; else what is printed, and code it holds."""
        self.visit(type(value))
        top, attributes = type(value).__module__.partition(".")[0], dict(getattr(value, "__dict__", {}))
        if top in ("torch", "numpy") and hasattr(value, "__array__"):
            array = value.detach().cpu() if top == "torch" else value
            self.say("array", array.dtype, tuple(array.shape), array.tolist())
        elif top == "longtail" or is_own(top):
            self.visit(attributes)
        else:
            text = repr(value)
            self.say("shown", "" if " at 0x" in text else text)
            self.all("holds", filter(_runs, attributes.values()))

    def named(self, module: str, name: str) -> None:
        """A class or function that is not the user's own."""
        top = module.partition(".")[0]
        version = file = ""
        if top not in KNOWN and top not in sys.stdlib_module_names:
            version, file = getattr(sys.modules.get(top), "__version__", ""), _file_digest(module)
        self.say("named", module, name, version, file)


def _runs(value: Any) -> bool:
    return isinstance(value, types.FunctionType | types.MethodType | type | functools.partial)


def _file_of(module: str) -> Path | None:
    """Where a module is, imported or not; None for one of several folders, or of none."""
    if module in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
    else:
        found = importlib.util.find_spec(module) if module else None
        file = found.origin if found is not None and found.has_location else None
    return None if file is None else Path(file)


@functools.cache
def _file_digest(module: str) -> str:
    file = _file_of(module)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else ""


def _filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


def _imported(f: types.FunctionType) -> Iterator[types.ModuleType]:
    """The modules of the user's own that a function imports when it is called."""
    for code in _codes(f.__code__):
        done = list(dis.get_instructions(code))
        for k, instruction in enumerate(done):
            if instruction.opname == "IMPORT_NAME":
                level, package = int(done[k - 2].argval or 0), f.__globals__.get("__package__") or ""
                with contextlib.suppress(Exception):  # what cannot be imported says so when it is called
                    name = importlib.util.resolve_name("." * level + str(instruction.argval), package)
                    if is_own(name):
                        yield importlib.import_module(name)
