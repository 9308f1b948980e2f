"""Where the project's sources stand for everyone: what the buttons of a published page lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lesionlib.errors import InputError

# Stands in the pages' commands wherever the address belongs; a book that is built without one keeps it.
PLACEHOLDER = "https://github.com/OWNER/NAME"
_ADDRESS = re.compile(r"https://github\.com/(?P<owner>[A-Za-z0-9-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?", re.ASCII)
# The links of Binder and Colab take what stands between two slashes for the branch.
_BRANCH = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub, and the branch (or tag) that the pages were built from.

    Attributes
    ----------
    owner, name : str
        As in ``https://github.com/OWNER/NAME``.
    branch : str
        A branch or a tag.
    """

    owner: str
    name: str
    branch: str

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://github.com/{self.owner}/{self.name}"

    def with_buttons(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the content of a ``_config.yml`` with the buttons that need an address.

        They open a chapter in Colab and on Binder, show and edit a page's source, and open an issue. Parts of `config`
        that they do not concern stay as they are.

        Parameters
        ----------
        config : dict
            Content of a ``_config.yml``.

        Returns
        -------
        dict
            A new one.
        """
        html = {f"use_{button}_button": True for button in ("repository", "edit_page", "issues")}
        launch = {"colab_url": "https://colab.research.google.com", "binderhub_url": "https://mybinder.org"}
        return config | {
            "repository": {"url": self.url, "branch": self.branch},
            "html": config.get("html", {}) | html,
            "launch_buttons": config.get("launch_buttons", {}) | launch,
        }


def repository_at(address: str, branch: str = "main") -> Repository:
    """Read the address of a repository.

    Parameters
    ----------
    address : str
        Such as ``https://github.com/OWNER/NAME``.
    branch : str
        A branch or a tag, without a slash.

    Returns
    -------
    Repository
        Its owner and name.

    Raises
    ------
    InputError
        It is no such address, or no such branch.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or set(found["name"]) == {"."}:
        raise InputError(
            f"repository: found {address!r}, expected an address like {PLACEHOLDER} (Colab opens notebooks from there)"
        )
    if not _BRANCH.fullmatch(branch):
        raise InputError(
            f"branch: found {branch!r}, expected a branch or a tag without a slash: links to Binder and Colab hold none"
        )
    return Repository(found["owner"], found["name"], branch)
