"""What pyproject.toml cannot say: a wheel carries the book's project, which `lesionlib init` lays out in a folder.

The parts are those of lesionlib/runs/founding.py. The results go where `lesionlib.runs.results_root` looks for them in
an installed package.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
PLACES = {
    "_config.yml": "project/_config.yml",
    "_toc.yml": "project/_toc.yml",
    "CITATION.cff": "project/CITATION.cff",
    "book": "project/book",
    "notebooks": "project/notebooks",
    "results": "results",
}
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*")


class BuildWithProject(build_py):
    """Build the library and put the project beside it; an editable install has it already."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        library = Path(self.build_lib) / "lesionlib"
        for part in ("project", "results"):
            # What an earlier build left.
            shutil.rmtree(library / part, ignore_errors=True)
        for source, place in PLACES.items():
            target = library / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if (HERE / source).is_dir():
                shutil.copytree(HERE / source, target, ignore=LEFT_OUT)
            else:
                shutil.copyfile(HERE / source, target)


setup(cmdclass={"build_py": BuildWithProject})
