"""A proxy between a client and the daemon that cuts what passes at a given byte."""

import socket
import struct
import threading

from deadline import DEADLINE_S
from http_client import ConnectionClosed


def reset(connection):
    """Closes with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class CuttingProxy:
    """Carries one request a connection; breaks both sides off after so many bytes.

    reply_cut: how many bytes of the reply the client gets, None for all of them.
    request_cut: how many bytes of the request the daemon gets, None for all of them.
    gently: break off with a FIN instead of a RST.
    """

    def __init__(self, target):
        self.target = target
        self.reply_cut = None
        self.request_cut = None
        self.gently = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = self.listener.getsockname()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.settimeout(DEADLINE_S)
            try:
                self._carry(client)
            except OSError:
                client.close()

    def _carry(self, client):
        request = self._message(client)
        daemon = socket.create_connection(self.target, DEADLINE_S)
        if self.request_cut is not None and self.request_cut < len(request):
            daemon.sendall(request[: self.request_cut])
            return self._break(client, daemon)
        daemon.sendall(request)
        left = self.reply_cut
        reply = b""
        while left is None or left > 0:
            piece = daemon.recv(65536 if left is None else min(65536, left))
            client.sendall(piece)
            reply += piece
            if left is not None:
                left -= len(piece)
            if self._is_whole(reply):
                client.close()
                return daemon.close()
        self._break(client, daemon)

    def _break(self, client, daemon):
        for side in (client, daemon):
            if self.gently:
                side.close()
            else:
                reset(side)

    def _message(self, source):
        message = b""
        while not self._is_whole(message):
            piece = source.recv(65536)
            if not piece:
                raise OSError("the client broke off")
            message += piece
        return message

    @staticmethod
    def _is_whole(message):
        head, mark, body = message.partition(b"\r\n\r\n")
        if not mark:
            return False
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return len(body) >= int(line.split(b":")[1])
        return True

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(DEADLINE_S)


BROKEN = (ConnectionClosed, ConnectionResetError, BrokenPipeError)
