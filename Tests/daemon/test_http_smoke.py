def test_a_packet_goes_through(port, instrument):
    port.post("a")
    got = port.fetch()
    assert got["reason"] == "entries"
    assert port.settle(got["lease"], ack="all")["acked"] == 1
    ses = port.open(instrument.tcp)
    e = port.inline(ses, op="transact", data="*IDN?\n", encoding="utf8", until="\n", reply_encoding="utf8")
    print(e)
    assert e["status"] == "ok"
    w = port.begin_fetch(wait_ms=3000)
    port.post("b")
    assert w.reply().json()["reason"] == "entries"
    w.close()
