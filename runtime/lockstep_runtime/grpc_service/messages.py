"""The messages of the protocols that are spoken over gRPC; names and numbers are theirs.

Sources: the Open Inference Protocol
(https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto),
its model repository extension as Triton has it
(https://github.com/triton-inference-server/common/blob/main/protobuf/grpc_service.proto), and gRPC
health checking (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
"""

from types import SimpleNamespace

from lockstep_runtime.grpc_service.descriptors import Table, message_classes

INFERENCE_PACKAGE, INFERENCE_SERVICE = "inference", "inference.GRPCInferenceService"
HEALTH_PACKAGE, HEALTH_SERVICE = "grpc.health.v1", "grpc.health.v1.Health"

_MODEL = (("name", 1, "string"), ("version", 2, "string"))
_TENSOR = (("name", 1, "string"), ("datatype", 2, "string"), ("shape", 3, "*int64"))
_READY = (("ready", 1, "bool"),)
_PARAMETERS = "{InferParameter}"
_TENSOR_WITH_DATA = (
    *_TENSOR,
    ("parameters", 4, _PARAMETERS),
    ("contents", 5, "InferTensorContents"),
)

_INFERENCE: Table = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": (("live", 1, "bool"),),
    "ServerReadyRequest": (),
    "ServerReadyResponse": _READY,
    "ModelReadyRequest": _MODEL,
    "ModelReadyResponse": _READY,
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": (*_MODEL, ("extensions", 3, "*string")),
    "ModelMetadataRequest": _MODEL,
    "ModelMetadataResponse": (
        ("name", 1, "string"),
        ("versions", 2, "*string"),
        ("platform", 3, "string"),
        ("inputs", 4, "*ModelMetadataResponse.TensorMetadata"),
        ("outputs", 5, "*ModelMetadataResponse.TensorMetadata"),
    ),
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "InferParameter": (
        ("bool_param", 1, "|bool"),
        ("int64_param", 2, "|int64"),
        ("string_param", 3, "|string"),
        ("double_param", 4, "|double"),
        ("uint64_param", 5, "|uint64"),
    ),
    "InferTensorContents": (
        ("bool_contents", 1, "*bool"),
        ("int_contents", 2, "*int32"),
        ("int64_contents", 3, "*int64"),
        ("uint_contents", 4, "*uint32"),
        ("uint64_contents", 5, "*uint64"),
        ("fp32_contents", 6, "*float"),
        ("fp64_contents", 7, "*double"),
        ("bytes_contents", 8, "*bytes"),
    ),
    "ModelInferRequest": (
        ("model_name", 1, "string"),
        ("model_version", 2, "string"),
        ("id", 3, "string"),
        ("parameters", 4, _PARAMETERS),
        ("inputs", 5, "*ModelInferRequest.InferInputTensor"),
        ("outputs", 6, "*ModelInferRequest.InferRequestedOutputTensor"),
        ("raw_input_contents", 7, "*bytes"),
    ),
    "ModelInferRequest.InferInputTensor": _TENSOR_WITH_DATA,
    "ModelInferRequest.InferRequestedOutputTensor": (
        ("name", 1, "string"),
        ("parameters", 2, _PARAMETERS),
    ),
    "ModelInferResponse": (
        ("model_name", 1, "string"),
        ("model_version", 2, "string"),
        ("id", 3, "string"),
        ("parameters", 4, _PARAMETERS),
        ("outputs", 5, "*ModelInferResponse.InferOutputTensor"),
        ("raw_output_contents", 6, "*bytes"),
    ),
    "ModelInferResponse.InferOutputTensor": _TENSOR_WITH_DATA,
    "RepositoryIndexRequest": (("repository_name", 1, "string"), ("ready", 2, "bool")),
    "RepositoryIndexResponse": (("models", 1, "*RepositoryIndexResponse.ModelIndex"),),
    "RepositoryIndexResponse.ModelIndex": (
        *_MODEL,
        ("state", 3, "string"),
        ("reason", 4, "string"),
    ),
}
_HEALTH: Table = {
    "HealthCheckRequest": (("service", 1, "string"),),
    "HealthCheckResponse": (("status", 1, "enum UNKNOWN SERVING NOT_SERVING SERVICE_UNKNOWN"),),
}

Inference = SimpleNamespace(**message_classes(INFERENCE_PACKAGE, _INFERENCE))
Health = SimpleNamespace(**message_classes(HEALTH_PACKAGE, _HEALTH))
