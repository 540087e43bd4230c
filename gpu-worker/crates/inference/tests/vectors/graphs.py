"""Writes graphs/*.onnx and graphs/expected.json: small graphs of the kinds that exporters make, and what Python's ONNX
Runtime answers for fixed inputs.

Run with numpy, onnx and onnxruntime installed: python graphs.py
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "graphs"
HEADS, WIDTH, VOCABULARY = 2, 4, 7


def save(name, nodes, inputs, outputs, weights, **options):
    info = lambda ports: [helper.make_tensor_value_info(port, kind, shape) for port, kind, shape in ports]
    tensors = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    graph = helper.make_graph(nodes, name, info(inputs), info(outputs), tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="vectors")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save_model(model, FOLDER / f"{name}.onnx", **options)


def half_convolution(random):
    """Float16 in and out, as fp16 exports of a UNet have it: convolution, group norm's parts, product, SiLU."""
    weights = {
        "kernel": (random.standard_normal((6, 4, 3, 3)) / 6).astype(np.float16),
        "scale": random.standard_normal(6).astype(np.float16),
        "shift": random.standard_normal(6).astype(np.float16),
        "columns": (random.standard_normal((5, 5)) / 2).astype(np.float16),
    }
    nodes = [
        helper.make_node("Conv", ["sample", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("InstanceNormalization", ["convolved", "scale", "shift"], ["normed"], epsilon=1e-5),
        helper.make_node("Sigmoid", ["normed"], ["gate"]),
        helper.make_node("Mul", ["normed", "gate"], ["silu"]),
        helper.make_node("MatMul", ["silu", "columns"], ["multiplied"]),
        helper.make_node("Cast", ["timestep"], ["time"], to=TensorProto.FLOAT16),
        helper.make_node("Add", ["multiplied", "time"], ["out_sample"]),
    ]
    half = TensorProto.FLOAT16
    save("half", nodes, [("sample", half, ["batch", 4, 5, 5]), ("timestep", TensorProto.INT64, [])],
         [("out_sample", half, ["batch", 6, 5, 5])], weights)
    sample = random.standard_normal((1, 4, 5, 5)).astype(np.float32)
    answer = run("half", {"sample": sample.astype(np.float16), "timestep": np.array(3, np.int64)}, ["out_sample"])
    return dict(sample=sample.ravel().tolist(), out_sample=answer[0].astype(np.float32).ravel().tolist())


def decoder(random):
    """One attention layer with a cache in optimum's layout, a mask of flags, and int32 ids."""
    full = HEADS * WIDTH
    weights = {
        "embedding": random.standard_normal((VOCABULARY, full)).astype(np.float32),
        "query_weight": random.standard_normal((full, full)).astype(np.float32),
        "key_weight": random.standard_normal((full, full)).astype(np.float32),
        "value_weight": random.standard_normal((full, full)).astype(np.float32),
        "head_weight": random.standard_normal((full, VOCABULARY)).astype(np.float32),
        "split": np.array([0, 0, HEADS, WIDTH], np.int64),
        "join": np.array([0, 0, full], np.int64),
        "scale": np.array(1 / np.sqrt(WIDTH), np.float32),
        "never": np.array(-1e9, np.float32),
        "zero": np.array(0, np.float32),
        "heads_axes": np.array([1, 2], np.int64),
    }
    nodes = [helper.make_node("Gather", ["embedding", "input_ids"], ["states"])]
    for name in ("query", "key", "value"):
        nodes += [
            helper.make_node("MatMul", ["states", f"{name}_weight"], [f"{name}_flat"]),
            helper.make_node("Reshape", [f"{name}_flat", "split"], [f"{name}_split"]),
            helper.make_node("Transpose", [f"{name}_split"], [f"{name}_new"], perm=[0, 2, 1, 3]),
        ]
    nodes += [
        helper.make_node("Concat", ["past_key_values.0.key", "key_new"], ["present.0.key"], axis=2),
        helper.make_node("Concat", ["past_key_values.0.value", "value_new"], ["present.0.value"], axis=2),
        helper.make_node("Transpose", ["present.0.key"], ["key_turned"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["query_new", "key_turned"], ["scores_raw"]),
        helper.make_node("Mul", ["scores_raw", "scale"], ["scores"]),
        helper.make_node("Unsqueeze", ["attended", "heads_axes"], ["attended_wide"]),
        helper.make_node("Where", ["attended_wide", "zero", "never"], ["bias"]),
        helper.make_node("Add", ["scores", "bias"], ["biased"]),
        helper.make_node("Softmax", ["biased"], ["weights"], axis=-1),
        helper.make_node("MatMul", ["weights", "present.0.value"], ["mixed"]),
        helper.make_node("Transpose", ["mixed"], ["mixed_back"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["mixed_back", "join"], ["joined"]),
        helper.make_node("MatMul", ["joined", "head_weight"], ["logits"]),
    ]
    past = lambda name: (name, TensorProto.FLOAT, ["batch", HEADS, "past", WIDTH])
    present = lambda name: (name, TensorProto.FLOAT, ["batch", HEADS, "total", WIDTH])
    save("decoder", nodes,
         [("input_ids", TensorProto.INT32, ["batch", "tokens"]), ("attended", TensorProto.BOOL, ["batch", "total"]),
          past("past_key_values.0.key"), past("past_key_values.0.value")],
         [("logits", TensorProto.FLOAT, ["batch", "tokens", VOCABULARY]), present("present.0.key"),
          present("present.0.value")], weights)
    ids = [3, 1, 4, 1, 5]
    key = value = np.zeros((1, HEADS, 0, WIDTH), np.float32)
    logits = []
    for index, token in enumerate(ids):
        inputs = {"input_ids": np.array([[token]], np.int32), "attended": np.ones((1, index + 1), bool),
                  "past_key_values.0.key": key, "past_key_values.0.value": value}
        answer, key, value = run("decoder", inputs, ["logits", "present.0.key", "present.0.value"])
        logits.append(answer.ravel().tolist())
    return dict(ids=ids, logits=logits, key=key.ravel().tolist())


def external(random):
    """Weights beside the graph, the second at an offset."""
    weights = {"left": random.standard_normal((4, 4)).astype(np.float32),
               "right": random.standard_normal((4, 4)).astype(np.float32)}
    nodes = [helper.make_node("MatMul", ["x", "left"], ["halfway"]), helper.make_node("MatMul", ["halfway", "right"], ["y"])]
    save("external", nodes, [("x", TensorProto.FLOAT, ["batch", 4])], [("y", TensorProto.FLOAT, ["batch", 4])], weights,
         save_as_external_data=True, all_tensors_to_one_file=True, location="external.onnx_data", size_threshold=0)
    x = random.standard_normal((2, 4)).astype(np.float32)
    return dict(x=x.ravel().tolist(), y=run("external", {"x": x}, ["y"])[0].ravel().tolist())


def run(name, inputs, outputs):
    session = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx", providers=["CPUExecutionProvider"])
    return session.run(outputs, inputs)


random = np.random.default_rng(7)
for old in FOLDER.glob("external.onnx*"):
    old.unlink()
vectors = dict(half=half_convolution(random), decoder=decoder(random), external=external(random))
vectors["onnxruntime"] = onnxruntime.__version__
(FOLDER / "expected.json").write_text(json.dumps(vectors) + "\n")
