"""Whether a broker is up: one hand-written request, no client library."""

import socket
import struct
from collections.abc import Iterator

ANSWER_TIMEOUT_S = 5.0
"""For connecting and for each read; a broker that is up answers in milliseconds."""


def known_brokers(host: str, port: int) -> frozenset[int]:
    """Numbers of the brokers that the node at ``port`` lists; empty when it is not up.

    A broker lists itself once it has joined the cluster and takes requests. This
    is one Metadata request, version 4, written by hand: no client library is
    needed, and it may be called inside and outside an event loop.
    """
    body = struct.pack(">hhih", 3, 4, 1, -1)  # metadata, version, correlation, no name
    body += struct.pack(">ib", 0, 0)  # about no topic, create none
    try:
        with socket.create_connection((host, port), ANSWER_TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _read(connection, 4))
            answer = _read(connection, size)
    except OSError:
        return frozenset()
    return frozenset(_broker_ids(answer))


def _broker_ids(answer: bytes) -> Iterator[int]:
    (count,) = struct.unpack_from(">i", answer, 8)  # after correlation and throttle
    at = 12
    for _ in range(count):
        node, host_bytes = struct.unpack_from(">ih", answer, at)
        at += 6 + host_bytes + 4  # the port
        (rack_bytes,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(0, rack_bytes)
        yield node


def _read(connection: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = connection.recv(size - len(got))
        if not piece:
            raise ConnectionError("the broker closed the connection")
        got += piece
    return bytes(got)
