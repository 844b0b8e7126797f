"""Refusing new clients cuts off none that had connected before."""

import errno
import select
import socket
import time

import pytest

from lockstep_runtime.errors import ListenFailure
from lockstep_runtime.listener import listen, refuse_new_clients


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_listen(host: str) -> None:
    with listen(host, 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        pass


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no such host", 0)])
def test_an_address_that_is_not_ours(host: str, port: int) -> None:
    with pytest.raises(ListenFailure, match="cannot listen on"):
        listen(host, port)


def test_the_connected_are_served_and_nobody_else() -> None:
    listener = listen("127.0.0.1", 0)
    address = listener.getsockname()
    with socket.create_connection(address) as before:
        refuse_new_clients(listener)
        late = socket.socket()
        late.setblocking(False)
        late.connect_ex(address)
        time.sleep(0.05)  # nothing to wait for: the late client must not get through
        accepted, _ = listener.accept()
        before.sendall(b"hello")
        assert accepted.recv(5) == b"hello"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
        listener.close()
        select.select([], [late], [], 10)  # its kernel tries again after a second
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        late.close()
        accepted.close()
