"""The API's document, and the running daemon that IOCPD_URL names, such as http://localhost:4627."""

import json
import os
import pathlib
import urllib.error
import urllib.request

import pytest
import yaml

from contract import Contract

PATH = pathlib.Path(__file__).parents[2] / "openapi" / "openapi.yaml"
DEADLINE_S = 10


@pytest.fixture(scope="session")
def contract():
    return Contract(yaml.safe_load(PATH.read_text()))


class Daemon:
    """A running daemon that answers GET requests."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, accept="*/*"):
        """The status, content type and text of a GET."""
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as reply:
                return reply.status, reply.headers["Content-Type"], reply.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.headers["Content-Type"], refusal.read().decode()

    def get_json(self, path):
        status, _, text = self.get(path, "application/json")
        assert status == 200, text
        return json.loads(text)


@pytest.fixture(scope="session")
def daemon():
    url = os.environ.get("IOCPD_URL")
    if not url:
        pytest.skip("IOCPD_URL does not name a running daemon")
    return Daemon(url)
