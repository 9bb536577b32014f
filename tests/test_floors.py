"""The house rules on imports: who may know whom, and who may know TensorFlow, Click, Pillow."""

import ast
from pathlib import Path

import inputgrad_cli

ROOT = Path(inputgrad_cli.__file__).parent
# From the ground up; a module imports from strictly lower floors, or from its own package.
FLOORS = [
    {
        "errors",
        "option_choices",
        "file_hashes",
        "prefetch",
        "spelling_suggestions",
        "version",
        "schema",
    },
    {"supervision", "expression_parser"},
    {"machine", "registry", "numeric"},
    {"data"},
    {"interfaces", "modelfile"},
    {"methods", "optimization", "formats", "rendering", "engine"},
    {"explanation"},
    {"storage", "model"},
    {"python_api"},
    {"api"},
    {"describe", "runs"},
    {"report"},
    {"cli"},
]
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
ALONE = {
    "tensorflow": {"engine"},
    "keras": {"engine"},
    "click": {"cli"},
    "jinja2": {"report"},
    "PIL": {"formats", "rendering"},
    "skimage": {"numeric"},
    "dask": {"runs"},
    "distributed": {"runs"},
}


def modules():
    faces = {ROOT / "__init__.py", ROOT / "__main__.py"}
    return [path for path in sorted(ROOT.rglob("*.py")) if path not in faces]


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            if node.module == "inputgrad_cli":
                yield from (f"inputgrad_cli.{alias.name}" for alias in node.names)
            yield node.module


def test_every_module_has_a_floor():
    assert {room(path) for path in modules()} == set(HEIGHT)


def test_imports_go_down_only():
    wrong = []
    for path in modules():
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "inputgrad_cli" or len(parts) < 2 or parts[1] not in HEIGHT:
                continue
            if parts[1] != room(path) and HEIGHT[parts[1]] >= HEIGHT[room(path)]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_each_framework_has_one_home():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules()
        for name in imports(path)
        if room(path) not in ALONE.get(name.split(".")[0], {room(path)})
    ]
    assert wrong == []


def test_top_level_holds_nothing_else():
    top = {p.name for p in ROOT.parent.iterdir() if not p.name.startswith(".")}
    allowed = {
        "pyproject.toml",
        "README.md",
        "Makefile",
        "inputgrad_cli",
        "tests",
        "sample_models",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "inputgrad-out",
    }
    assert top <= allowed


def test_no_import_goes_in_a_circle():
    """Walk the graph of modules; a module that is reached from itself names the circle."""
    graph = {module: set(imported_modules(path)) for module, path in named_modules().items()}
    finished: set[str] = set()

    def walk(module, path):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in finished:
            for target in sorted(graph[module]):
                walk(target, [*path, module])
            finished.add(module)

    for module in graph:
        walk(module, [])


def named_modules():
    return {
        ".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path for path in modules()
    }


def imported_modules(path):
    """Yield the modules of the package that a file imports, whether as a whole or a name of it."""
    names = named_modules()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield from {node.module, f"{node.module}.{alias.name}"} & set(names)
