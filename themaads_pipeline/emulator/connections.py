"""Cuts the connection that a call came over: what a client sees when a proxy, a load balancer or a network
goes away.

The server's own socket is shut down beneath gRPC, so both sides meet a closed connection and no status is
sent. Other calls on the same connection fail with it, as they would.
"""

import os
import socket
from urllib.parse import unquote

import psutil

LINGER_S = 0.05  # so that what was sent before has left the process


def cut(peer: str) -> bool:
    """Closes the connection of a peer, as gRPC names it (`ipv4:127.0.0.1:50000`); False without one."""
    _, _, address = unquote(peer).partition(":")
    port = int(address.rpartition(":")[2])
    for connection in psutil.Process().net_connections(kind="tcp"):
        if connection.raddr and connection.raddr.port == port and connection.fd >= 0:
            # A copy of the descriptor: closing the copy leaves gRPC's own for gRPC to close.
            with socket.socket(fileno=os.dup(connection.fd)) as copy:
                copy.shutdown(socket.SHUT_RDWR)
            return True
    return False
