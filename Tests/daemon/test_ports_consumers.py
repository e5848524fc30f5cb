"""Park, unpark and alerts."""

import pytest

from deadline import eventually
from portcalls import contexts


def test_park_frees_the_slot_and_unpark_takes_it_back(make_port):
    port = make_port(concurrency=1)
    port.post("a", "b")
    batch = port.fetch(consumer="w", max=1)
    assert port.fetch(consumer="v", max=1)["reason"] == "concurrency"
    assert port.park("w") == {"consumer": "w", "running": False, "parked": True}
    assert port.park("w") == {"consumer": "w", "running": False, "parked": True}
    assert contexts(port.fetch(consumer="v", max=1)["entries"]) == ["b"]
    assert port.unpark("w") == {"consumer": "w", "running": True, "parked": False}
    assert port.counts()["running"] == 2
    port.settle(batch["lease"], ack="all")
    assert port.counts()["running"] == 1


def test_park_wakes_a_waiter(make_port):
    port = make_port(concurrency=1)
    port.post("a", "b")
    port.fetch(consumer="w", max=1)
    with port.begin_fetch(consumer="v", wait_ms=4000) as waiter:
        port.park("w")
        assert contexts(waiter.reply().json()["entries"]) == ["b"]


def test_park_of_one_that_does_not_run(make_port):
    port = make_port(concurrency=1)
    nothing = {"consumer": "w", "running": False, "parked": False}
    assert port.park("w") == nothing
    assert port.unpark("w") == nothing
    port.post("a")
    batch = port.fetch(consumer="w")
    port.park("w")
    port.settle(batch["lease"], ack="all")
    assert port.unpark("w") == nothing


def test_alert_wakes_an_alertable_fetch(port):
    with port.begin_fetch(consumer="w", alertable=True, wait_ms=4000, encoding="utf8") as waiter:
        sent = {"context": "reload", "data": "config", "encoding": "utf8"}
        assert port.alert("w", **sent) == {"kept": 0}
        reply = waiter.reply().json()
        assert reply == {"reason": "alert", "entries": [], "alerts": [sent]}


def test_alert_leaves_another_fetch_alone(port):
    with port.begin_fetch(consumer="w", wait_ms=4000) as waiter:
        assert port.alert("w") == {"kept": 1}
        assert waiter.is_silent()
        port.post("a")
        assert contexts(waiter.reply().json()["entries"]) == ["a"]


def test_alerts_are_kept_and_come_after_entries(port):
    assert port.alert("w", context="1") == {"kept": 1}
    assert port.alert("w", context="2") == {"kept": 2}
    port.post("a")
    batch = port.fetch(consumer="w", alertable=True)
    assert batch["reason"] == "entries" and "alerts" not in batch
    assert port.fetch(consumer="v", alertable=True)["reason"] == "timeout"
    assert port.fetch(consumer="w")["reason"] == "timeout"
    reply = port.fetch(consumer="w", alertable=True)
    assert (reply["reason"], contexts(reply["alerts"])) == ("alert", ["1", "2"])
    assert port.fetch(consumer="w", alertable=True)["reason"] == "timeout"


def test_alert_reaches_one_that_the_limit_holds_back(make_port):
    port = make_port(concurrency=1)
    port.post("a", "b")
    port.fetch(consumer="w", max=1)
    port.alert("v")
    assert port.fetch(consumer="v", alertable=True)["reason"] == "alert"


def test_alert_of_a_lost_reply_is_kept(port):
    waiter = port.begin_fetch(consumer="w", alertable=True, wait_ms=50_000)
    waiter.reset()
    eventually(lambda: port.counts()["waiting"] == 0, "the hang-up")
    assert port.alert("w", context="x") == {"kept": 1}
    assert contexts(port.fetch(consumer="w", alertable=True)["alerts"]) == ["x"]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [("a" * 4096, "utf8"), ("ab" * 4096, "hex"), ("A" * 5460 + "AA==", "base64"), ("", "utf8")],
)
def test_largest_alert(port, data, encoding):
    port.alert("w", data=data, encoding=encoding)
    (alert,) = port.fetch(consumer="w", alertable=True, encoding=encoding)["alerts"]
    assert alert.get("data", "") == data


@pytest.mark.parametrize(
    ("data", "encoding"),
    [("é" * 4096, "utf8"), ("A" * 5464, "base64"), ("A" * 5463 + "=", "base64")],
)
def test_too_large_alert(port, data, encoding):
    reply = port.call("POST", "/consumers/w/alerts", json={"data": data, "encoding": encoding})
    assert (reply.status, reply.code, reply.pointers) == (422, "data.too_long", ["/data"])
    assert reply.json()["limit"] == 4096


def test_limit_of_alerts_for_a_consumer(port):
    for n in range(1, 65):
        assert port.alert("w") == {"kept": n}
    reply = port.call("POST", "/consumers/w/alerts")
    assert (reply.status, reply.code) == (429, "consumer.too_many_alerts")
    assert (reply.json()["limit"], reply.json()["current"]) == (64, 64)
    assert int(reply.field("Retry-After")) >= 1
    assert port.alert("v") == {"kept": 1}


def test_limit_of_consumers_with_alerts(start_daemon):
    daemon = start_daemon("--max-alert-consumers-per-port", "2")
    daemon.call("PUT", "/v1/ports/a")
    alerts = "/v1/ports/a/consumers/{}/alerts"
    for name in "xy":
        daemon.post(alerts.format(name), status=202)
    reply = daemon.call("POST", alerts.format("z"))
    assert (reply.status, reply.code) == (429, "consumer.too_many_alerts")
    fetch = {"consumer": "x", "alertable": True}
    daemon.post("/v1/ports/a/completions:fetch", fetch)
    daemon.post(alerts.format("z"), status=202)
