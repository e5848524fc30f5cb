"""Frames of streams: each kind, on the session and in a read, too long ones, and with pymodbus."""

import struct

import pytest

from lab import data, device_daemon, lab, make_lab, outcome, socket_folder  # noqa: F401

PREFIX = {"kind": "length_prefix", "size": 2}


def test_a_framed_session_gives_one_frame_a_read(lab):
    session, peer = lab.connected(framing={"kind": "delimiter", "delimiter": "\r\n"})
    shown = lab.session(session)["framing"]
    assert shown == {
        "kind": "delimiter", "delimiter": "\r\n", "encoding": "utf8", "max_bytes": 65536}
    peer.send(b"one\r\ntwo\r\nthree")
    assert data(lab.do(session, "read")) == b"one\r\n"
    assert data(lab.do(session, "read", framing={"kind": "none"}, max_bytes=2)) == b"tw"
    assert data(lab.do(session, "read")) == b"o\r\n"
    assert data(lab.do(session, "read", exactly=5)) == b"three"


def test_length_prefixes_of_every_size_and_order(lab):
    session, peer = lab.connected()
    for size, letter in ((1, "B"), (2, "H"), (4, "I"), (8, "Q")):
        for order, mark in (("big", ">"), ("little", "<")):
            framing = {
                "kind": "length_prefix", "size": size, "order": order, "offset": 1, "adjustment": 1}
            frame = b"\xff" + struct.pack(mark + letter, 3) + b"abcd"
            peer.send(frame + b"\x00")
            assert data(lab.do(session, "read", framing=framing)) == frame
            assert data(lab.do(session, "read", exactly=1)) == b"\x00"


def test_a_standing_read_gives_frames(lab):
    session, peer = lab.connected(framing=PREFIX)
    lab.start(session, "read", repeat=True)
    peer.send(b"\x00\x01a\x00\x00\x00")
    assert [data(each) for each in lab.entries(2)] == [b"\x00\x01a", b"\x00\x00"]
    peer.send(b"\x02bc")
    peer.close()
    frame, end = lab.entries(2)
    assert data(frame) == b"\x00\x02bc"
    assert (outcome(end), end["last"]) == (("end_of_stream", 0, None), True)


def test_a_frame_that_is_too_long_is_skipped_whole(lab):
    session, peer = lab.connected(framing={**PREFIX, "max_bytes": 8})
    lab.start(session, "read", repeat=True)
    peer.send(b"\x10\x00" + b"x" * 6)
    long = lab.entry()
    assert outcome(long) == ("failed", 8, "frame_too_long")
    assert long["discarded"] == 0x1000 - 6
    peer.send(b"x" * (0x1000 - 6) + b"\x00\x01y")
    assert data(lab.entry()) == b"\x00\x01y"
    assert lab.session(session)["counters"]["bytes_discarded"] == 0x1000 - 6


def test_an_impossible_length_ends_the_input_and_not_the_output(lab):
    session, peer = lab.connected(framing={"kind": "length_prefix", "size": 4})
    peer.send(b"\xff\xff\xff\xff")
    assert outcome(lab.do(session, "read")) == ("failed", 4, "frame_impossible")
    assert outcome(lab.do(session, "read")) == ("failed", 0, "frame_impossible")
    assert lab.session(session)["input"] == "frame_impossible"
    assert outcome(lab.do(session, "write", data=b"abc")) == ("ok", 3, None)


def test_a_pause_ends_a_frame(lab):
    session, peer = lab.connected(framing={"kind": "gap", "gap_ms": 60})
    lab.start(session, "read", repeat=True)
    peer.send(b"one")
    assert data(lab.entry()) == b"one"
    peer.send(b"two")
    assert data(lab.entry()) == b"two"


def test_a_read_says_how_long_a_frame_may_be(lab):
    session, peer = lab.connected(framing={"kind": "delimiter", "delimiter": "\n"})
    peer.send(b"abcdef\n")
    lab.do(session, "read", max_bytes=0)
    assert outcome(lab.do(session, "read", max_bytes=4)) == ("failed", 4, "frame_too_long")
    assert data(lab.do(session, "read")) == b"ef\n"


@pytest.mark.parametrize(
    ("framing", "pointer"),
    [
        ({"kind": "none"}, "/framing/kind"),
        ({"kind": "line"}, "/framing/kind"),
        ({}, "/framing/kind"),
        ({"kind": "fixed"}, "/framing/bytes"),
        ({"kind": "fixed", "bytes": 0}, "/framing/bytes"),
        ({"kind": "gap", "gap_ms": 0}, "/framing/gap_ms"),
        ({"kind": "delimiter"}, "/framing/delimiter"),
        ({"kind": "delimiter", "delimiter": ""}, "/framing/delimiter"),
        ({"kind": "delimiter", "delimiter": "x" * 257}, "/framing/delimiter"),
        ({"kind": "delimiter", "delimiter": "\n", "bytes": 1}, "/framing/bytes"),
        ({"kind": "length_prefix", "size": 3}, "/framing/size"),
        ({"kind": "length_prefix", "size": 2, "order": "middle"}, "/framing/order"),
        ({"kind": "length_prefix", "size": 2, "max_bytes": 0}, "/framing/max_bytes"),
        ("\n", "/framing"),
    ],
)
def test_a_framing_that_cannot_be_is_refused(lab, framing, pointer):
    reply = lab.refused_open("tcp://127.0.0.1:1", framing=framing)
    assert (reply.status, reply.code) == (400, "body.invalid")
    assert pointer in reply.pointers


def test_a_delimiter_of_too_many_bytes_is_refused(lab):
    framing = {"kind": "delimiter", "delimiter": "é" * 256}
    reply = lab.refused_open("tcp://127.0.0.1:1", framing=framing)
    assert (reply.status, reply.code) == (422, "data.too_long")
    assert reply.pointers == ["/framing/delimiter"]


def test_framing_excludes_until_and_exactly(lab):
    session, _ = lab.connected()
    for more in ({"until": "\n"}, {"exactly": 1}, {"max_bytes": 0}):
        assert lab.refused(session, "read", framing=PREFIX, **more) == (400, "body.invalid")


def test_an_accepted_session_has_its_listeners_frames(lab, socket_folder):
    listener = lab.open(
        f"unix-listen://{socket_folder}/frames-{lab.name}.sock", framing=PREFIX)
    lab.start(listener, "accept")
    client, _ = lab.open(f"unix://{socket_folder}/frames-{lab.name}.sock"), None
    accepted = lab.entry()["accepted"]
    lab.do(client, "write", data=b"\x00\x01a\x00\x01b")
    assert data(lab.do(accepted, "read")) == b"\x00\x01a"
