"""The listening socket, and how to close it without cutting off a client.

Closing a listener resets the connections that the kernel has taken and nobody has accepted yet.
So first SYN packets are dropped by a socket filter: who connects from then on sends nothing, his
kernel tries again a second later and is refused, while handshakes that had begun are finished.
"""

import ctypes
import logging
import socket
import struct
import sys

from lockstep_runtime.errors import ListenFailure

_SO_ATTACH_FILTER = 26  # linux/asm-generic/socket.h; the socket module does not have it
# Classic BPF (code, jump if true, jump if false, operand); byte 13 of a TCP header has the flags,
# and every packet but a client's first, the plain SYN, has ACK (0x10) set.
_ONLY_ACK = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x10), (0x06, 0, 0, 0xFFFFFFFF), (0x06, 0, 0, 0))
_log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; port 0 takes a free one.

    Raises:
        ListenFailure: the address is not ours, or taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise ListenFailure(f"cannot listen on {host}:{port}: {error}") from error


def refuse_new_clients(listener: socket.socket) -> None:
    """Let nobody else connect; what is connected or connecting can still be accepted."""
    if not sys.platform.startswith("linux"):
        return
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _ONLY_ACK)
    buffer = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HP", len(_ONLY_ACK), ctypes.addressof(buffer))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)
    except OSError as error:  # a kernel of another kind (gVisor): a client may be cut off
        _log.debug("no socket filter", extra={"fields": {"error": str(error)}})
