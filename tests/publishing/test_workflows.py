"""The files that GitHub, Binder and pre-commit read: valid, and of one mind with README and constraints.txt."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from lesionlib import runs
from lesionlib.cli import running

PROJECT = Path(__file__).parents[2]
GITHUB = PROJECT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PINS = dict(
    line.split("==")
    for line in (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if "==" in line and not line.startswith("#")
)
HOOKS = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


def workflow(name):
    # A plain YAML 1.1 reader takes the key `on` for true.
    return yaml.load((GITHUB / "workflows" / f"{name}.yml").read_text(encoding="utf-8"), yaml.BaseLoader)


def steps(name):
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def check_schema(schema, *files):
    """Call check-jsonschema as the command is called; no start of a Python for each file."""
    return CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, *map(str, files)])


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.citation-file-format", [PROJECT / "CITATION.cff"]),
    ],
    ids=["workflows", "dependabot", "citation"],
)
def test_the_files_are_valid(schema, files, tmp_path):
    answer = check_schema(schema, *files)
    assert answer.exit_code == 0, answer.output
    broken = tmp_path / files[0].name
    broken.write_text(files[0].read_text(encoding="utf-8") + "\nsomething_else: {}\n", encoding="utf-8")
    assert "something_else" in check_schema(schema, broken).output


def test_tests_run_on_both_versions_with_the_command_of_the_readme():
    job = workflow("tests")["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12"]
    assert [step["run"] for step in job["steps"] if "run" in step] == ["python -m venv .venv", "make test"]
    assert "make test " in README
    assert "--nbval-lax" in (PROJECT / "Makefile").read_text(encoding="utf-8")


def test_no_workflow_may_write_but_to_pages():
    for name in ("tests", "book"):
        assert workflow(name)["permissions"] == {"contents": "read"}
        for job in workflow(name)["jobs"].values():
            assert set(job.get("permissions", {})) <= {"pages", "id-token"}
            assert int(job["timeout-minutes"]) <= 360
        for step in steps(name):
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))


def test_the_book_is_quick_unless_somebody_asks_for_the_real_one():
    content = workflow("book")
    profile = content["on"]["workflow_dispatch"]["inputs"]["profile"]
    assert (profile["options"], profile["default"]) == (["quick", "real"], "quick")
    assert content["on"]["push"] == {"branches": ["main"]}
    build = content["jobs"]["build"]
    assert build["env"]["PROFILE"] == "${{ inputs.profile || 'quick' }}"
    for_real = [step for step in build["steps"] if "if" in step]
    assert {step["if"] for step in for_real} == {"inputs.profile == 'real'"}
    assert for_real[0]["run"] == ".venv/bin/lesionlib data get ham10000"
    commands = [step["run"] for step in build["steps"] if "run" in step and "if" not in step]
    assert commands == [
        "python -m venv .venv",
        '.venv/bin/python -m pip install -c constraints.txt -e ".[test]"',
        '.venv/bin/lesionlib book --profile "$PROFILE"',
    ]
    assert all(line in README for line in commands[:2])


def test_the_address_is_that_of_the_repository_that_builds():
    env = workflow("book")["jobs"]["build"]["env"]
    asked = {
        option.envvar for option in (running.RepositoryOption.__metadata__[0], running.BranchOption.__metadata__[0])
    }
    assert asked <= set(env)
    given = env["LESIONLIB_REPOSITORY"]
    given = given.replace("${{ github.server_url }}", "https://github.com").replace("${{ github.repository }}", "a/b")
    assert runs.repository_at(given).url == "https://github.com/a/b"


def test_the_real_step_calls_what_there_is():
    (step,) = [step["run"] for step in steps("book") if "<<'EOF'" in step.get("run", "")]
    program = ast.parse(re.search(r"<<'EOF'\n(.*?)\nEOF\n", step, re.DOTALL)[1])
    called = {
        node.attr for node in ast.walk(program) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "runs"
    }
    assert called == {"load", "add_to_results"}
    assert called <= set(runs.__all__)
    assert callable(running.finished_pages)


def test_hooks_have_the_versions_that_are_tested():
    packages = {"nbstripout": "nbstripout", "ruff-pre-commit": "ruff", "check-jsonschema": "check-jsonschema"}
    revisions = {
        packages[entry["repo"].rpartition("/")[2]]: entry["rev"] for entry in HOOKS if entry["repo"] != "local"
    }
    assert {name: revision.removeprefix("v") for name, revision in revisions.items()} == {
        name: PINS[name] for name in packages.values()
    }
    (local,) = [hook for entry in HOOKS if entry["repo"] == "local" for hook in entry["hooks"]]
    assert local["additional_dependencies"] == [f"nbformat=={PINS['nbformat']}"]


def run_notebook_hooks(files):
    """Do what the hooks on notebooks do, with the arguments that stand in the file; return how the last one ended."""
    hooks = {hook["id"]: hook for entry in HOOKS for hook in entry["hooks"]}
    _, script = shlex.split(hooks["clear-counts"]["entry"])
    names = [str(file) for file in files]
    subprocess.run([sys.executable, "-m", "nbstripout", *hooks["nbstripout"]["args"], *names], check=True)
    return subprocess.run([sys.executable, str(PROJECT / script), *names], check=False).returncode


def executed(source, target):
    """Copy a notebook as JupyterLab would leave it after all of its cells have run."""
    notebook = nbformat.read(source, as_version=4)
    plain = [cell for cell in notebook.cells if cell.cell_type == "code" and not cell.outputs]
    assert 0 < len(plain) < sum(cell.cell_type == "code" for cell in notebook.cells)
    for number, cell in enumerate(plain, start=1):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", text="epoch 1\n")]
    nbformat.write(notebook, target)


def test_hooks_leave_committed_notebooks_alone_and_undo_an_execution(tmp_path):
    copies = [Path(shutil.copy(path, tmp_path)) for path in NOTEBOOKS]
    assert len(copies) >= 10
    before = [copy.read_bytes() for copy in copies]
    executed(copies[0], tmp_path / "ran.ipynb")
    # pre-commit takes a number other than 0 for "something was changed".
    assert run_notebook_hooks([*copies, tmp_path / "ran.ipynb"]) == 1
    for copy, content in zip([*copies, tmp_path / "ran.ipynb"], [*before, before[0]], strict=True):
        assert copy.read_bytes() == content, copy.name


def test_binder_installs_what_the_readme_installs():
    lines = (PROJECT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in shlex.split(line)]
    assert words == ["-c", "../constraints.txt", "-e", ".[test]"]
    assert (PROJECT / "binder" / words[1]).resolve() == PROJECT / "constraints.txt"
    assert "-m pip install " + " ".join(words).replace("../", "").replace(".[test]", '".[test]"') in README
    runtime = (PROJECT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert runtime == f"python-{workflow('tests')['jobs']['test']['strategy']['matrix']['python'][0]}"
