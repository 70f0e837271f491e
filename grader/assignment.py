"""An assignment: the rubric file, validated, and the questions, checks and mistakes of its folder."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from grader.model import Limits
from grader.rubric import AskDef, CheckDef, MistakeDef, Variant
from grader.worker.lookup import ROLES, roles_of

RUBRIC_FILE = "rubric.yaml"
_loaded = itertools.count()


class AssignmentError(Exception):
    """The rubric folder has a mistake in it: one line that names file, line, key and what is allowed."""


class CheckSpec(BaseModel):
    """One check in the rubric file; keys beyond these are thresholds, handed to the check by name."""

    model_config = ConfigDict(extra="allow", frozen=True)
    weight: float = Field(ge=0)
    title: str = ""
    hint: str = ""

    @property
    def thresholds(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class ItemSpec(BaseModel):
    """One item in the rubric file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    asked: str = ""
    points: float = Field(ge=0)
    extension: bool = False
    needs: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    checks: dict[str, CheckSpec] = Field(min_length=1)


_LimitsSpec = create_model(
    "_LimitsSpec",
    __config__=ConfigDict(extra="forbid", frozen=True),
    **{name: (type(value), Field(default=value, gt=0)) for name, value in vars(Limits()).items()},  # type: ignore[call-overload]
)


class RubricSpec(BaseModel):
    """The rubric file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    assignment: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    title: str
    notebook: str = ""
    definitions: tuple[str, ...] = ()
    reference: str
    pass_mark: float = Field(default=70, ge=0, le=100)
    max_score: float = Field(default=100, gt=0)
    public_seed: str = "public"
    names: dict[str, tuple[str, ...]] = {}
    limits: _LimitsSpec = Field(default_factory=_LimitsSpec)  # type: ignore[valid-type]
    settings: dict[str, Any] = {}
    """Free for the assignment's own checks: texts of the template, thresholds that several checks share."""
    items: tuple[ItemSpec, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Assignment:
    """Everything that an instructor's folder says."""

    folder: Path
    spec: RubricSpec
    asks: Mapping[str, AskDef]
    checks: Mapping[tuple[str, str], CheckDef]
    """By (item id, check id)."""
    mistakes: tuple[MistakeDef, ...]
    reference: Mapping[str, Any]
    """The reference's namespace: name -> class or function."""
    support: str
    fingerprint: str
    """Hash of every file that a grade depends on."""
    plots: Any = None
    """The folder's own ``plots(replies)``, or None."""
    variants: tuple[Variant, ...] = ()
    """Correct programs in many styles, for the audit."""
    limits: Limits = field(default_factory=Limits)

    @property
    def id(self) -> str:
        return self.spec.assignment

    def checks_of(self, item: ItemSpec) -> list[tuple[CheckDef, CheckSpec]]:
        """The item's checks in the order of the rubric file."""
        return [(self.checks[item.id, name], spec) for name, spec in item.checks.items()]

    def mistakes_of(self, item_id: str) -> list[MistakeDef]:
        """The item's catalogued mistakes."""
        return [one for one in self.mistakes if one.item == item_id]


def load_assignment(folder: Path) -> Assignment:
    """Load and validate an assignment folder; raises AssignmentError with one clear line."""
    folder = folder.resolve()
    path = folder / RUBRIC_FILE
    if not path.is_file():
        raise AssignmentError(f"{folder}: no {RUBRIC_FILE} in this folder")
    spec = _read_spec(path)
    reference_folder = (folder / spec.reference).resolve()
    if not (reference_folder / "__init__.py").is_file():
        raise AssignmentError(f"{path}: reference: {spec.reference}: no package there (it needs an __init__.py)")
    modules, reference = _import_all(folder, reference_folder, spec.assignment)
    asks = _unique(path, "ask", ((one.id, one) for one in _collect(modules, AskDef)))
    checks = _unique(path, "check", (((one.item, one.id), one) for one in _collect(modules, CheckDef)))
    mistakes = _unique(path, "mistake", ((one.id, one) for one in _mistakes(modules)))
    support = sorted(folder.glob("support*.py"))
    assignment = Assignment(
        folder=folder,
        spec=spec,
        asks=asks,
        checks=checks,
        mistakes=tuple(mistakes.values()),
        reference={name: value for name, value in vars(reference).items() if not name.startswith("__")},
        support="\n\n".join(file.read_text(encoding="utf-8") for file in support),
        fingerprint=_fingerprint(folder, reference_folder),
        plots=_offered(modules, "plots"),
        variants=tuple((_offered(modules, "variants") or tuple)()),
        limits=Limits(**spec.limits.model_dump()),  # type: ignore[attr-defined]
    )
    _validate(path, assignment)
    return assignment


def find_assignment(
    near: Sequence[Path], *, notebook_names: Iterable[str] = (), definitions: Iterable[str] = ()
) -> Assignment:
    """The assignment below a ``rubrics/`` folder: the only one, or the one whose notebook or definitions match.

    ``near``: folders to look in, and in their parents. Raises AssignmentError.
    """
    folders: list[Path] = []
    for start in near:
        for parent in (start.resolve(), *start.resolve().parents):
            folders += [f.parent for f in sorted(parent.glob(f"rubrics/*/{RUBRIC_FILE}")) if f.parent not in folders]
            if folders:
                break
    if not folders:
        raise AssignmentError("no rubrics/*/rubric.yaml found from here upwards: name the folder with --assignment")
    if len(folders) == 1:
        return load_assignment(folders[0])
    specs = [(folder, _read_spec(folder / RUBRIC_FILE)) for folder in folders]
    names, defined = set(notebook_names), set(definitions)
    best = max(specs, key=lambda pair: (pair[1].notebook in names, len(defined & set(pair[1].definitions))))
    if best[1].notebook not in names and not defined & set(best[1].definitions):
        ids = ", ".join(spec.assignment for _, spec in specs)
        raise AssignmentError(f"several assignments ({ids}) and none matches the notebook: choose with --assignment")
    return load_assignment(best[0])


def _read_spec(path: Path) -> RubricSpec:
    text = path.read_text(encoding="utf-8")
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise AssignmentError(f"{where}: not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(data, dict):
        raise AssignmentError(f"{path}: expected keys such as assignment, title, items; found {type(data).__name__}")
    try:
        return RubricSpec.model_validate(data)
    except ValidationError as error:
        # A misspelt key is both unknown and missing; that it is unknown says more.
        first = min(error.errors(), key=lambda one: one["type"] == "missing")
        where = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        line = _line_of(text, first["loc"])
        told = _told(first)
        raise AssignmentError(f"{path}:{line}: {where}: {told}{more}") from None


def _told(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown key; allowed: {', '.join(_allowed(error['loc']))}"
    if error["type"] == "missing":
        return "this key is required"
    return f"{error['msg']} (found {error['input']!r:.60})"


def _allowed(loc: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = RubricSpec
    if loc[0] == "items" and len(loc) > 2:
        model = ItemSpec
    elif loc[0] == "limits" and len(loc) > 1:
        model = _LimitsSpec
    return list(model.model_fields)


def _line_of(text: str, loc: tuple[Any, ...]) -> int:
    """Line of the deepest node on the way to ``loc``."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(part)]
            if not found:
                return line
            line, node = int(found[0][0].start_mark.line) + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = int(node.start_mark.line) + 1
    return line


def _import_all(folder: Path, reference_folder: Path, name: str) -> tuple[list[ModuleType], ModuleType]:
    """Import the rubric's files as one package, in which ``from . import reference`` is the reference."""
    package_name = f"_grader_assignment_{next(_loaded)}_{name.replace('-', '_')}"
    package = ModuleType(package_name)
    package.__path__ = [str(folder)]
    sys.modules[package_name] = package
    reference = _import_file(f"{package_name}.reference", reference_folder / "__init__.py", [str(reference_folder)])
    package.reference = reference  # type: ignore[attr-defined]
    files = [f for f in sorted(folder.glob("*.py")) if not f.name.startswith(("support", "__init__"))]
    modules = []
    for file in files:
        module_name = f"{package_name}.{file.stem}"
        modules.append(sys.modules.get(module_name) or _import_file(module_name, file, None))
    return modules, reference


def _import_file(name: str, path: Path, search: list[str] | None) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise AssignmentError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        # Whatever an author's file raises is told in one line.
        sys.modules.pop(name, None)
        raise AssignmentError(f"{path}: {type(error).__name__}: {error}") from error
    return module


D = TypeVar("D", AskDef, CheckDef)


def _collect(modules: Iterable[ModuleType], kind: type[D]) -> list[D]:
    found: dict[int, D] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, kind):
                found[id(value)] = value
    return list(found.values())


def _mistakes(modules: Iterable[ModuleType]) -> list[MistakeDef]:
    found: dict[int, MistakeDef] = {}
    for module in modules:
        for value in list(vars(module).values()):
            marked = getattr(value, "__dict__", {}).get("__mistake__")
            if isinstance(marked, MistakeDef):
                found[id(marked)] = marked
    return list(found.values())


def _offered(modules: Iterable[ModuleType], name: str) -> Any:
    """The function ``name`` of the file of that name, or None."""
    return next((getattr(m, name, None) for m in modules if m.__name__.rpartition(".")[2] == name), None)


K = TypeVar("K")
V = TypeVar("V")


def _unique(path: Path, kind: str, pairs: Iterable[tuple[K, V]]) -> dict[K, V]:
    found: dict[K, V] = {}
    for key, value in pairs:
        if key in found:
            raise AssignmentError(f"{path.parent}: the {kind} {key!r} is defined twice")
        found[key] = value
    return found


def _fingerprint(*folders: Path) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".yaml") and "__pycache__" not in file.parts:
                digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


_GIVEN = {"answer", "expected", "inputs", "submission", "recording", "settings", "fallen"}


def _validate(path: Path, assignment: Assignment) -> None:
    """Hold the rubric file against the Python files."""
    _validate_names(path, assignment.spec.names)
    items = {item.id: item for item in assignment.spec.items}
    if len(items) < len(assignment.spec.items):
        raise AssignmentError(f"{path}: items: two items have the same id")
    for item_id, check_id in assignment.checks:
        if item_id not in items:
            raise AssignmentError(f"{path}: check {check_id} is for the item {item_id!r}, which the file doesn't list")
        if check_id not in items[item_id].checks:
            raise AssignmentError(
                f"{path}: items.{item_id}.checks: {check_id} is missing (it stands in the Python files)"
            )
    earlier: list[str] = []
    for item in items.values():
        for name, spec in item.checks.items():
            if (item.id, name) not in assignment.checks:
                known = ", ".join(check for owner, check in assignment.checks if owner == item.id)
                raise AssignmentError(f"{path}: items.{item.id}.checks.{name}: no such check; allowed: {known}")
            _validate_thresholds(path, item, spec, assignment.checks[item.id, name])
        if sum(spec.weight for spec in item.checks.values()) <= 0:
            raise AssignmentError(f"{path}: items.{item.id}.checks: at least one weight must be above 0")
        for needed in item.needs:
            if needed not in earlier:
                allowed = ", ".join(earlier) or "none, as this is the first item"
                raise AssignmentError(
                    f"{path}: items.{item.id}.needs: no item {needed!r} before it; allowed: {allowed}"
                )
        earlier.append(item.id)
    for one in assignment.mistakes:
        for name in (one.item, *one.also):
            if name not in items:
                raise AssignmentError(f"{path}: mistake {one.id}: no item {name!r}; allowed: {', '.join(items)}")


def _validate_names(path: Path, names: Mapping[str, tuple[str, ...]]) -> None:
    for name in names:
        for role in roles_of(name, names):
            if role not in ROLES:
                raise AssignmentError(f"{path}: names.{name}: no role {role!r}; allowed: {', '.join(ROLES)}")


def _validate_thresholds(path: Path, item: ItemSpec, spec: CheckSpec, made: CheckDef) -> None:
    where = f"{path}: items.{item.id}.checks.{made.id}"
    free = [name for name in made.parameters if name not in _GIVEN and name not in {a.id for a in made.all_asks}]
    for name in spec.thresholds:
        if name not in free:
            raise AssignmentError(
                f"{where}.{name}: unknown key; allowed: {', '.join(['weight', 'title', 'hint', *free])}"
            )
    for name in made.required:
        if name in free and name not in spec.thresholds:
            raise AssignmentError(f"{where}: the key {name} is required")
