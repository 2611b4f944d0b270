"""Sphinx extension: where the repository and the site are, found when the site is built.

It is GitHub's own in CI (`GITHUB_REPOSITORY`), else that of the remote `origin`. Where neither is on GitHub,
as in a source archive, the buttons and lines that need it are left out.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

PLACEHOLDER = re.compile(r"\bREPOSITORY\b")
REMOTE = re.compile(
    r"^(?:https://(?:[^@/]+@)?|ssh://git@|git@)github\.com[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?$"
)


def repository(environment: Mapping[str, str], root: Path) -> str | None:
    """Return the repository's address on GitHub, https://github.com/OWNER/NAME, or None if it has none.

    A folder inside of another repository, such as an unpacked archive, is not that repository.
    """
    if name := environment.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    try:
        top, remote = (
            subprocess.run(["git", *question], cwd=root, capture_output=True, text=True).stdout.strip()
            for question in (["rev-parse", "--show-toplevel"], ["remote", "get-url", "origin"])
        )
    except FileNotFoundError:  # no git
        return None
    found = REMOTE.match(remote)
    if found is None or Path(top).resolve() != root.resolve():
        return None
    return f"https://github.com/{found[1]}/{found[2]}"


def home(repository: str | None) -> str:
    """Return where GitHub Pages shows the repository's site; nothing without a repository.

    >>> home("https://github.com/ada/book"), home("https://github.com/ada/ada.github.io"), home(None)
    ('https://ada.github.io/book/', 'https://ada.github.io/', '')
    """
    if repository is None:
        return ""
    owner, name = repository.split("/")[-2:]
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def set_addresses(app: Sphinx, config: Config) -> None:
    """Tell the theme where the repository is, or that it has no address."""
    found = repository(os.environ, Path(app.srcdir))
    config.html_baseurl = home(found)
    config.html_theme_options["repository_url"] = found or ""
    if not found:
        off = dict.fromkeys(("use_repository_button", "use_edit_page_button", "use_issues_button"), False)
        config.html_theme_options |= {**off, "launch_buttons": {}}


ISSUE = """What did you expect, and what did you see?

Which setting of an explorer, or which cell, if any?

Browser, or Python and numpy:
"""


def name_the_repository(app: Sphinx, document: nodes.document) -> None:
    """Write the address into the commands of the text that clone the book; without one, drop them."""
    found = app.config.html_theme_options["repository_url"]
    for block in document.findall(nodes.literal_block):
        lines = block.astext().splitlines()
        if any(PLACEHOLDER.search(line) for line in lines):
            kept = [PLACEHOLDER.sub(found, line) for line in lines if found or not PLACEHOLDER.search(line)]
            block.rawsource = "\n".join(kept)  # what is highlighted
            block[:] = [nodes.Text(block.rawsource)]


def mended(url: str, branch: str) -> str:
    """Return where a button leads: an issue asks what one needs to know, Colab finds initlib.

    >>> mended("https://colab.research.google.com/github/ada/book/blob/main/book/he.ipynb", "main")
    'https://colab.research.google.com/github/ada/book/blob/colab/book/he.ipynb'
    """
    if "/issues/new" in url:
        return re.sub(r"body=[^&]*", f"body={quote(ISSUE)}", url)
    return url.replace(f"/blob/{branch}/", "/blob/colab/") if "//colab." in url else url


def mend_buttons(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    branch = app.config.html_theme_options["repository_branch"]
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if "url" in button:
                button["url"] = mended(button["url"], branch)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", set_addresses, priority=100)
    app.connect("doctree-read", name_the_repository)
    app.connect("html-page-context", mend_buttons, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
