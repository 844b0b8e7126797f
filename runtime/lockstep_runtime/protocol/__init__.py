"""Bytes on the wire to tensors and back; pure, one module per protocol and per encoding."""
