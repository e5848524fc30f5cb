"""The lock of a session: one client's exclusive use, for a while."""

import pytest

from deadline import eventually
from lab import data, device_daemon, lab, make_lab, outcome, socket_folder  # noqa: F401


def put(lab, session, **members):
    return lab.daemon.call("PUT", f"/v1/sessions/{session}/lock", json=members)


def free(lab, session, token=None):
    headers = {"Iocpd-Lock": token} if token else {}
    return lab.daemon.call("DELETE", f"/v1/sessions/{session}/lock", headers=headers)


def test_a_holder_has_the_session_to_itself(lab):
    session, peer = lab.connected()
    held = put(lab, session, ttl_ms=60_000).json()
    assert held["fence"] == 1
    path = f"/v1/sessions/{session}"
    calls = [
        ("POST", f"{path}/operations", {"op": "write", "data": ""}),
        ("POST", f"{path}/read?timeout_ms=1", None),
        ("POST", f"{path}:cancel", {}),
        ("POST", f"{path}:shutdown", {"how": "write"}),
        ("DELETE", path, None),
        ("DELETE", f"{path}/lock", None),
        ("PUT", f"{path}/lock", {"ttl_ms": 1}),
    ]
    for method, target, body in calls:
        reply = lab.daemon.call(method, target, json=body)
        assert (reply.status, reply.code) == (423, "session.locked"), (method, target, reply)
        assert 0 < reply.json()["retry_after_ms"] <= 60_000
        assert int(reply.field("Retry-After")) >= 1
    for method, target, body in calls[:3]:
        reply = lab.daemon.call(
            method, target, json=body, headers={"Iocpd-Lock": held["lock_token"]})
        assert reply.status < 300, (method, target, reply)
    shown = lab.session(session)
    assert shown["lock"]["fence"] == 1 and "lock_token" not in str(shown)


def test_a_stale_token_is_told_so_even_when_nobody_holds_the_lock(lab):
    session, _ = lab.connected()
    token = put(lab, session, ttl_ms=60_000).json()["lock_token"]
    assert free(lab, session, token).status == 200
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations", json={"op": "write", "data": ""},
        headers={"Iocpd-Lock": token})
    assert (reply.status, reply.code) == (412, "session.lock_lost")
    assert free(lab, session, token).code == "session.lock_lost"
    assert put(lab, session, ttl_ms=1, lock_token=token).code == "session.lock_lost"
    assert free(lab, session).status == 200


def test_a_lock_that_is_not_renewed_runs_out_and_the_next_fence_is_higher(lab):
    session, _ = lab.connected()
    first = put(lab, session, ttl_ms=30).json()
    second = eventually(
        lambda: (reply := put(lab, session, ttl_ms=60_000)).status == 200 and reply.json())
    assert second["fence"] == first["fence"] + 1
    assert second["lock_token"] != first["lock_token"]


def test_its_holder_renews_it(lab):
    session, _ = lab.connected()
    held = put(lab, session, ttl_ms=60_000).json()
    again = put(lab, session, ttl_ms=90_000, lock_token=held["lock_token"]).json()
    assert (again["fence"], again["lock_token"]) == (held["fence"], held["lock_token"])
    assert again["expires_at"] > held["expires_at"]


def test_what_was_accepted_before_the_lock_runs_first(lab):
    session, peer = lab.connected()
    lab.start(session, "read", exactly=2)
    token = put(lab, session, ttl_ms=60_000).json()["lock_token"]
    peer.send(b"abcd")
    assert data(lab.entry()) == b"ab"
    lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations", json={"op": "read", "exactly": 2},
        headers={"Iocpd-Lock": token})
    assert data(lab.entry()) == b"cd"


@pytest.mark.parametrize("body", [{}, {"ttl_ms": 0}, {"ttl_ms": 1, "lock_token": ""}, {"ttl": 1}])
def test_a_bad_lock_is_refused(lab, body):
    session, _ = lab.connected()
    reply = put(lab, session, **body)
    assert (reply.status, reply.code) == (400, "body.invalid")


def test_a_closed_session_has_no_lock(lab):
    session, _ = lab.connected()
    lab.drop(session)
    eventually(lambda: put(lab, session, ttl_ms=1).code == "session.closed")
    assert put(lab, "ses_000000000000", ttl_ms=1).code == "session.unknown"
