"""A real browser, and the built site on a server: at its root and in a folder below."""

import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from missing import missing

sys.path.insert(0, str(Path(__file__).parent))

from site_under_test import BUILT, SUBFOLDER, Visit, write_page


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def serve() -> Iterator[object]:
    """Serve a folder and return its address."""
    servers = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def site() -> Path:
    if not (BUILT / "index.html").is_file():
        missing("the built site", "make book")
    return BUILT


@pytest.fixture(scope="session")
def addresses(site, serve, tmp_path_factory) -> dict[str, str]:
    """The three ways to open the site, each with the address that all of it must lie under."""
    above = tmp_path_factory.mktemp("server")
    (above / SUBFOLDER).parent.mkdir(parents=True)
    (above / SUBFOLDER).symlink_to(site)
    return {
        "server": serve(site),
        "subfolder": f"{serve(above)}{SUBFOLDER}/",
        "file": f"{site.as_uri()}/",
    }


@pytest.fixture
def show(browser, serve, tmp_path) -> Iterator[object]:
    """Open a page with some explorers and return the visit; it must have met no problem at the end."""
    contexts, visits = [], []

    def open_page(*explorers, theme="light", folded=False, **options) -> Visit:
        name = write_page(tmp_path, list(explorers), theme, folded)
        contexts.append(browser.new_context(**options))
        visits.append(Visit(contexts[-1], serve(tmp_path)))
        visits[-1].open(name)
        return visits[-1]

    yield open_page
    for visit in visits:
        assert visit.problems == []
    for context in contexts:
        context.close()
