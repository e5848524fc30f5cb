"""The port engine in process beside Boost.Asio as a queue."""

import contextlib

from driver.rounds import Goal, Row


def sides(shape, peer_shape=None):
    """Ours and Boost.Asio's in one of the shapes, entries a second."""

    @contextlib.contextmanager
    def both(place):
        def ours(count):
            return place.swift("engine-bench", shape, count)

        def peer(count):
            return place.peer("asio_queue", peer_shape or shape, count)

        our_count, peer_count = place.calibrated(ours), place.calibrated(peer)
        yield (
            lambda: ours(our_count)["per_second"],
            lambda: peer(peer_count)["per_second"],
        )

    return both


ROWS = [
    Row(
        "engine-single", "post + dequeue in batches of 64, one thread, in process",
        "Boost.Asio post + run", "entries/s", Goal(at_least=3), sides("single")),
    Row(
        "engine-pair", "the same, 2 producers and 2 consumers",
        "Boost.Asio post + run, the same shape", "entries/s", Goal(at_least=2), sides("pair")),
]
