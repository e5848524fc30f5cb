"""docs/windows.md: its lines do what it says they do."""

import json
import os
import pathlib
import pty
import re
import shutil
import subprocess

from processes import Daemon, Instrument

PAGE = pathlib.Path(__file__).parents[2] / "docs/windows.md"
ANYTHING = "…"
MARK = "==== end of block"


def blocks():
    """(heading, shell lines, replies) of the page, in order."""
    heading, found = "", []
    for match in re.finditer(r"^#+ ([^\n]+)$|^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S):
        title, language, text = match.groups()
        if title:
            heading = title
        elif language == "sh":
            found.append((heading, text, []))
        elif language == "json":
            found[-1][2].extend(values(text))
    return found


def values(text):
    """All JSON values that stand one after the other."""
    decoder, place, found = json.JSONDecoder(), 0, []
    while rest := text[place:].lstrip():
        place = len(text) - len(rest)
        value, place = decoder.raw_decode(text, place)
        found.append(value)
    return found


def fits(wanted, value):
    """Whether a reply is as the page shows it; members that it leaves out may be anything."""
    if wanted == ANYTHING:
        return True
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            name in value and fits(each, value[name]) for name, each in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(value, list) and len(wanted) == len(value)
            and all(map(fits, wanted, value)))
    return type(wanted) is type(value) and wanted == value


def test_the_lines_give_the_replies(tmp_path):
    devices, files = tmp_path / "d", tmp_path / "f"
    devices.mkdir()
    files.mkdir()
    (files / "log").write_bytes(b"")
    near, far = pty.openpty()
    line = os.ttyname(far)
    instrument = Instrument(devices / "instrument")
    daemon = Daemon(*(
        word for target in (
            "tcp://127.0.0.1", f"unix://{devices}", f"unix-listen://{devices}", f"file://{files}",
            f"serial://{line}")
        for word in ("--allow-target", target)))
    try:
        host, port = daemon.address
        places = {
            "localhost:4627": f"{host}:{port}",
            "127.0.0.1:5025": instrument.tcp.removeprefix("tcp://"),
            "/run/devices": str(devices),
            "/var/lib/devices": str(files),
            "/dev/ttyUSB0": line,
        }

        def placed(text):
            for usual, actual in places.items():
                text = text.replace(usual, actual)
            return text

        page = blocks()
        script = "".join(f"{placed(text)}\necho '{MARK}'\n" for _, text, _ in page)
        assert shutil.which("jq"), "jq is not installed"
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr
        outputs = run.stdout.split(f"{MARK}\n")
        for (heading, _, wanted), output in zip(page, outputs):
            replies = values(output)
            assert len(replies) == len(wanted), f"{heading}: {output}"
            for one, reply in zip(wanted, replies):
                assert fits(json.loads(placed(json.dumps(one))), reply), f"{heading}: {reply}"
    finally:
        daemon.kill()
        instrument.stop()
        os.close(near)
        os.close(far)


def test_the_page_shows_every_call():
    """The ten calls that the model is made of."""
    headings = " ".join(heading for heading, _, replies in blocks() if replies)
    for call in (
        "CreateIoCompletionPort", "PostQueuedCompletionStatus", "GetQueuedCompletionStatus",
        "ReadFile", "WriteFile", "TransactNamedPipe", "ConnectNamedPipe", "DeviceIoControl",
        "LockFileEx", "WaitCommEvent",
    ):
        assert call in headings, call
