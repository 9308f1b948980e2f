import pytest
from toy_project import new_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, being the working folder, whatever the environment of the tests says."""
    for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    project = new_project(tmp_path)
    monkeypatch.chdir(project)
    return project
