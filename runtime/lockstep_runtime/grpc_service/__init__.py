"""gRPC: the Open Inference Protocol and health checks on a port of their own.

Needs grpcio and protobuf, so it is imported only when that port is asked for.
"""
