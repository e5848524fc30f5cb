"""Named controls of sockets, and what is refused of them."""

from lab import device_daemon, lab, make_lab, outcome, socket_folder  # noqa: F401


def test_a_socket_is_asked_for_its_options(lab):
    session, peer = lab.connected()
    for option, wanted in {
        "no_delay": lambda value: value == 1,
        "keepalive": lambda value: value == 1,
        "receive_buffer_bytes": lambda value: value > 1024,
        "send_buffer_bytes": lambda value: value > 1024,
        "unsent_bytes": lambda value: value == 0,
    }.items():
        entry = lab.do(session, "control", name="socket.get_option", arguments={"option": option})
        assert (entry["kind"], outcome(entry)) == ("control", ("ok", 0, None))
        assert wanted(entry["value"]), (option, entry)


def test_a_control_comes_to_the_port_beside_a_pending_read(lab):
    session, peer = lab.connected()
    lab.start(session, "read", context="r")
    lab.start(
        session, "control", name="socket.get_option", arguments={"option": "unread_bytes"},
        context="c")
    assert lab.entry()["context"] == "c"


def test_an_unknown_control_is_refused_with_the_list(lab, socket_folder):
    session, _ = lab.connected(lab.device(path=socket_folder / f"c-{lab.name}.sock"))
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations", json={"op": "control", "name": "no.such"})
    assert (reply.status, reply.code) == (422, "control.unknown")
    assert reply.json()["known"] == ["socket.get_option"]
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations",
        json={"op": "control", "name": "no.such", "arguments": {"any": ["thing"]}})
    assert reply.code == "control.unknown"


def test_arguments_are_judged_by_the_control(lab):
    session, _ = lab.connected()
    for arguments, pointer in [
        (None, "/arguments"),
        ({}, "/arguments"),
        ({"option": "color"}, "/arguments/option"),
        ({"option": 1}, "/arguments/option"),
        ({"option": "no_delay", "x": 1}, "/arguments/x"),
    ]:
        body = {"op": "control", "name": "socket.get_option"}
        if arguments is not None:
            body["arguments"] = arguments
        reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=body)
        assert (reply.status, reply.code) == (400, "body.invalid"), reply
        assert reply.pointers == [pointer]


def test_a_control_without_an_entry(lab):
    session, _ = lab.connected()
    lab.start(
        session, "control", name="socket.get_option", arguments={"option": "no_delay"},
        deliver="none")
    lab.wait_counts(reserved=1, queued=0)
    assert lab.has_nothing()
