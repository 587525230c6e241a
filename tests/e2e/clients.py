# SPDX-License-Identifier: Apache-2.0
"""Python clients generated at test time from the .proto files alone, as any user of the interface would make them."""
import importlib
import pathlib
import shutil
import sys
import tempfile

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import run_ok
from report import ROOT

HERE = pathlib.Path(__file__).resolve().parent

CALL_S = 10


class Clients:
    """Stubs of query.proto, health and reflection over one channel, plaintext without credentials."""

    def __init__(self, server, credentials=None):
        self._directory = tempfile.TemporaryDirectory()
        out = self._directory.name
        # Not python3-grpc-tools: Debian 12's knows no `optional` in proto3.
        plugin = shutil.which("grpc_python_plugin")
        for folder, name in ((ROOT / "proto", "query"), (ROOT / "proto", "operation"), (HERE / "proto", "health"),
                             (HERE / "proto", "reflection")):
            run_ok("protoc", f"-I{folder}", f"--python_out={out}", f"--grpc_python_out={out}",
                   f"--plugin=protoc-gen-grpc_python={plugin}", f"{name}.proto")
        sys.path.insert(0, out)
        self.query = importlib.import_module("query_pb2")
        self.operation = importlib.import_module("operation_pb2")
        self.health = importlib.import_module("health_pb2")
        self.reflection = importlib.import_module("reflection_pb2")
        self.credentials = credentials
        self.channel = self.open(server)
        self.resetscope = importlib.import_module("query_pb2_grpc").ResetscopeStub(self.channel)
        self.health_stub = importlib.import_module("health_pb2_grpc").HealthStub(self.channel)
        self.reflection_stub = importlib.import_module("reflection_pb2_grpc").ServerReflectionStub(self.channel)

    def open(self, server, credentials=None):
        """Another channel."""
        credentials = credentials or self.credentials
        return grpc.secure_channel(server, credentials) if credentials else grpc.insecure_channel(server)

    def on(self, channel, service):
        """Another stub: "Resetscope" or "Operation"."""
        module = {"Resetscope": "query_pb2_grpc", "Operation": "operation_pb2_grpc"}[service]
        return getattr(importlib.import_module(module), service + "Stub")(channel)

    def close(self):
        self.channel.close()
        self._directory.cleanup()


def status_of(call, *arguments, timeout=CALL_S, **options):
    """The gRPC status code a call ends with; OK when it succeeds."""
    try:
        result = call(*arguments, timeout=timeout, **options)
        if hasattr(result, "__next__"):
            list(result)
        return grpc.StatusCode.OK
    except grpc.RpcError as e:
        return e.code()
