"""What tables 8a and 8d say of device controls: T16 and T17 of sockets, V01 and V02 of pipes."""

import pytest

from lab import outcome

GET_OPTION = {"name": "socket.get_option", "arguments": {"option": "send_buffer_bytes"}}


@pytest.fixture
def pipe(lab, socket_folder):
    return lab.connected(lab.device(path=socket_folder / f"{lab.name}.sock"))[0]


def refused_control(lab, session, **members):
    """(status, code, the controls that there are) of a control that is not accepted."""
    body = {"op": "control", **members}
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=body)
    assert reply.status >= 400, reply
    return reply.status, reply.code, reply.json().get("known")


def test_T16_a_control_that_there_is_not_is_refused(lab):
    """An unknown control, or bad arguments, are refused at once, without an entry."""
    session, _ = lab.connected()
    *unknown, known = refused_control(lab, session, name="socket.no_such_control")
    assert unknown == [422, "control.unknown"] and "socket.get_option" in known
    bad = refused_control(lab, session, name="socket.get_option", arguments={"option": "weight"})
    assert bad[:2] == (400, "body.invalid")
    assert lab.has_nothing()
    lab.wait_counts(reserved=1)


def test_T17_a_control_moves_no_bytes(lab):
    """A control that succeeds says 0 bytes: it moved none, and its answer is beside them."""
    session, _ = lab.connected()
    entry = lab.do(session, "control", **GET_OPTION)
    assert outcome(entry) == ("ok", 0, None) and "data" not in entry
    assert entry["value"] > 0


def test_V01_a_control_that_is_answered_at_once_gives_an_entry(lab, pipe):
    """A control that is answered at once gives its entry like any operation."""
    lab.start(pipe, "control", context="asked", **GET_OPTION)
    entry = lab.entry()
    assert (entry["kind"], entry["context"]) == ("control", "asked")
    assert entry["status"] == "ok" and entry["value"] > 0
    assert lab.has_nothing()


def test_V02_another_device_s_control_is_refused(lab, pipe):
    """A control that only other devices have is refused at once, without an entry."""
    *unknown, known = refused_control(
        lab, pipe, name="serial.break", arguments={"duration_ms": 10})
    assert unknown == [422, "control.unknown"] and "serial.break" not in known
    assert lab.has_nothing()
