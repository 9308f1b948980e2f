"""Clear the execution counts of cells without output, in the notebooks that are named.

``nbstripout --keep-count`` keeps every cell's count, since nbval needs that of a stored output. The others change with
each execution and say nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat


def clear(path: Path) -> bool:
    """Clear them in one notebook; return whether there were any. Without any, the file is not touched."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    counted = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and not cell.outputs and cell.execution_count is not None
    ]
    for cell in counted:
        cell.execution_count = None
    if counted:
        nbformat.write(notebook, path)
    return bool(counted)


if __name__ == "__main__":
    changed = [name for name in sys.argv[1:] if clear(Path(name))]
    # pre-commit stops a commit when a hook says that it has changed something.
    sys.exit(bool(changed))
