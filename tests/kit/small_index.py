"""Wheels and a project, both small, for kits that need no network."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import nbformat

PYPROJECT = """
[project]
name = "book"
version = "1"
requires-python = ">=3.11,<3.14"
dependencies = ["torch>=2", "numpy", "smalldep>=1", "jupyterlab"]
"""
# What the notebook's kernel imports is carried by the kit, and lacking anywhere else.
CODE = """
import os
import smalldep
from lesionlib import datasets, runs

lesions = datasets.load(data)
rows = [{"split": "test", "metric": "accuracy", "value": smalldep.VALUE + epochs}]
runs.record("01_toy", dict(data=data, epochs=epochs), metrics=rows, fingerprint=lesions.fingerprint,
            data=data, classes=[], seed=0, device="cpu")
"""
SWEEP = "profile: grid\nchapters:\n  01_toy:\n    - grid: {epochs: [1, 2]}\n"


def write_wheel(folder: Path, name: str, version: str, requires=(), modules=None, tag: str = "py3-none-any") -> Path:
    info = f"{name}-{version}.dist-info"
    about = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    about += [f"Requires-Dist: {one}" for one in requires]
    members = {
        f"{info}/METADATA": "\n".join(about) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **(modules or {f"{name}.py": "VALUE = 0.25\n"}),
    }
    members[f"{info}/RECORD"] = "".join(f"{one},,\n" for one in [*members, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
    return path


def write_index(folder: Path) -> Path:
    """The packages that the project asks for beside torch: one of them only on Python 3.12, one never to run."""
    folder.mkdir(parents=True)
    write_wheel(folder, "smalldep", "1.0")
    requires = ["numpy>=1", "deeper", 'later; python_version >= "3.12"', 'earlier; python_version < "3.12"', "jedi"]
    write_wheel(folder, "smalldep", "1.2", requires)
    for name in ("deeper", "later", "earlier", "jedi", "jupyterlab"):
        write_wheel(folder, name, "2.0")
    return folder


def new_book(folder: Path, data: str = "ham10000") -> Path:
    """A project of one notebook."""
    (folder / "notebooks" / "profiles").mkdir(parents=True)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/welcome\n")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "constraints.txt").write_text("# exact\nsmalldep==1.2\ntorch==2.6.0\n")
    cells = [
        nbformat.v4.new_code_cell(f"data = {data!r}\nepochs = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(CODE),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "01_toy.ipynb")
    (folder / "grid.yml").write_text(SWEEP)
    return folder


def packages_here() -> dict[str, str | None]:
    """What this Python has, as far as the project asks for it."""
    return {name: metadata.version(name) for name in ("torch", "numpy", "ipykernel")}
