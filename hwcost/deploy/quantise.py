"""From a float ONNX file to an int8 one: folded, calibrated and quantised by onnxruntime, then compared with what it was made from."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hwcost.checking import float_islands, is_quantised
from hwcost.deploy.calibration import Calibration, Expected, calibration_for, read_arrays
from hwcost.deploy.folding import fold_dense, join_hard_swish, norms_as_convolutions
from hwcost.deploy.quiet import quiet
from hwcost.deploy.sensitivity import Agreement, LayerNoise, compared
from hwcost.errors import InputError, listed, shown
from hwcost.frontends.onnx_text import clean

if TYPE_CHECKING:
    import onnx

Method = Literal["minmax", "percentile", "entropy"]
Progress = Callable[[str], None]

OPSET = 17
"""What older files are brought to: scales per channel need 13, and onnxruntime folds layer norms from 17 on."""

IR_VERSION = 8
"""Of the file written: read by every onnxruntime from 1.12 on."""

KEPT_FLOAT = {"LSTM", "GRU", "RNN", "If", "Loop", "Scan", "Cast", "Shape", "Size", "Constant", "ConstantOfShape", "Range", "NonZero"}
"""Operators that QDQ cannot express, or that compute no activations."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """What quantising made: where the file is, how far its answers are from the float network's, and what may hurt.

    `layers` stands in the order of the network; `warnings` and `float_islands` name nodes.
    """

    path: Path
    method: Method
    samples: int
    layers: tuple[LayerNoise, ...]
    agreement: Agreement
    warnings: tuple[str, ...]
    float_islands: tuple[str, ...]
    float_bytes: int
    int8_bytes: int

    @property
    def worst(self) -> tuple[LayerNoise, ...]:
        """The layers by the noise they add themselves, the worst first."""
        return tuple(sorted(self.layers, key=lambda layer: layer.own_db))


def quantise(
    float_path: str | os.PathLike[str],
    calibration: str | os.PathLike[str] | Mapping[str, Any],
    output_path: str | os.PathLike[str],
    *,
    method: Method = "minmax",
    progress: Progress = lambda message: None,
) -> Quantised:
    """Quantise an ONNX file to int8: activations per tensor, weights symmetric per channel, batch norms folded and activations fused.

    `calibration` is an .npz file or arrays by input name, samples first, with optional `labels`. The output is written whole or not at
    all, and equal inputs give equal bytes. Raises InputError for a model that is not float, for data that does not fit it, and for an
    output that cannot be written.
    """
    if method not in get_args(Method):
        raise InputError(f"expected a method, one of {', '.join(get_args(Method))}, got {shown(method)}")
    _require_onnxruntime()
    source, target = Path(float_path), Path(output_path)
    _require_other_file(source, target, calibration)
    model = _float_model(source)
    arrays = calibration if isinstance(calibration, Mapping) else read_arrays(calibration)
    data = calibration_for(arrays, _expected(model))
    with quiet(), tempfile.TemporaryDirectory(prefix="hwcost-") as folder:
        progress("folding batch norms and constants")
        folded = _folded(_with_shapes(model, data), Path(folder))
        progress(f"calibrating on {data.samples} samples ({method})")
        made = _quantised(folded, data, method, Path(folder))
        progress("comparing both networks")
        layers, agreement, warnings = compared(folded, made, data)
    content = made.SerializeToString(deterministic=True)
    islands = _islands(content, source)
    _write(target, content)
    return Quantised(target, method, data.samples, layers, agreement, warnings, islands, len(folded.SerializeToString()), len(content))


def _require_onnxruntime() -> None:
    from importlib.util import find_spec

    if find_spec("onnxruntime") is None:
        raise InputError("quantising needs onnxruntime, which is not installed: pip install 'hwcost[board]'")


def _require_other_file(source: Path, target: Path, calibration: object) -> None:
    """Refuse an output that is one of the inputs, is a folder, or whose folder is missing, before any work."""
    for given in (source, calibration):
        if isinstance(given, str | os.PathLike) and target.exists() and Path(given).exists() and target.samefile(given):
            raise InputError(f"the output '{target}' is one of the inputs: give it another name")
    if target.is_dir():
        raise InputError(f"expected the name of a file to write, got a directory: '{target}'")
    if not target.absolute().parent.is_dir():
        raise InputError(f"cannot write '{target}': its folder does not exist")


def _float_model(source: Path) -> onnx.ModelProto:
    """The float network in a file, weights loaded; InputError where it is quantised already."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    from hwcost.frontends.from_onnx import from_onnx
    from hwcost.frontends.onnx_loading import load

    loaded = load(source)
    quantisers = {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"}
    if any(node.op_type in quantisers for node in loaded.model.graph.node):
        raise InputError(f"'{source}' is quantised already: give the float network it was made from")
    if not _open_sizes(loaded.model):
        graph = from_onnx(source, allow_unsupported=True)  # names what is malformed better than onnxruntime does
        if is_quantised(graph):
            raise InputError(f"'{source}' is quantised already: give the float network it was made from")
    if loaded.folder is not None:
        try:
            load_external_data_for_model(loaded.model, str(loaded.folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            raise InputError(f"cannot read the weights that '{source}' keeps outside it: {shown(str(error))}") from error
    return loaded.model


def _open_sizes(model: onnx.ModelProto) -> bool:
    """Whether some axis but the batch has no size in the file; the calibration data then has it."""
    return any(None in one.shape[1:] for one in _expected(model))


def _expected(model: onnx.ModelProto) -> list[Expected]:
    import onnx

    constants = {tensor.name for tensor in model.graph.initializer}
    infos = [info for info in model.graph.input if info.name not in constants]
    return [
        Expected(
            info.name,
            tuple(dim.dim_value or None for dim in info.type.tensor_type.shape.dim),
            onnx.helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type),
        )
        for info in infos
    ]


def _with_shapes(model: onnx.ModelProto, data: Calibration) -> onnx.ModelProto:
    """A copy whose inputs have the shapes of one sample, and whose constants are no inputs."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.input[:]
    for info in model.graph.input:
        if info.name in data.inputs:
            kept = copy.graph.input.add()
            kept.CopyFrom(info)
            del kept.type.tensor_type.shape.dim[:]
            for size in data.inputs[info.name].shape[1:]:
                kept.type.tensor_type.shape.dim.add().dim_value = size
    for output in copy.graph.output:
        output.type.tensor_type.ClearField("shape")
    del copy.graph.value_info[:]
    return copy


def _folded(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """The network with batch norms in their convolutions and constants computed, in standard operators, every node named."""
    import onnx
    import onnxruntime

    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    try:
        if opset < OPSET:
            model = onnx.version_converter.convert_version(model, OPSET)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folder / "folded.onnx")
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        folded = onnx.load(folder / "folded.onnx")
        fold_dense(folded)
        join_hard_swish(folded)
        folded = onnx.shape_inference.infer_shapes(folded)
        norms_as_convolutions(folded)
    except Exception as error:  # onnx and onnxruntime raise classes of their own, one per status
        raise InputError(f"onnxruntime cannot run this network: {_first_line(error)}") from error
    taken = {node.name for node in folded.graph.node}
    for i, node in enumerate(folded.graph.node):
        if not node.name:
            node.name = next(name for name in (f"{node.op_type}_{i}{'_' * n}" for n in range(len(taken) + 1)) if name not in taken)
            taken.add(node.name)
    return folded


def _first_line(error: Exception) -> str:
    return clean(str(error).strip().partition("\n")[0]) or type(error).__name__


class _Feeds:
    """What onnxruntime's calibrators read samples from."""

    def __init__(self, data: Calibration) -> None:
        self._left = data.feeds()

    def get_next(self) -> dict[str, Any] | None:
        return next(self._left, None)


def _quantised(folded: onnx.ModelProto, data: Calibration, method: Method, folder: Path) -> onnx.ModelProto:
    """The int8 network, as QuantizeLinear and DequantizeLinear around standard operators."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    methods = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile, "entropy": CalibrationMethod.Entropy}
    kinds = sorted({node.op_type for node in folded.graph.node} - KEPT_FLOAT)
    onnx.save(folded, folder / "float.onnx")  # given a ModelProto, the quantiser moves the weights out of it
    try:
        quantize_static(
            folder / "float.onnx",
            folder / "int8.onnx",
            _Feeds(data),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=kinds,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=methods[method],
            extra_options={"WeightSymmetric": True, "ActivationSymmetric": False, "ForceQuantizeNoInputCheck": True},
        )
    except Exception as error:  # the quantiser raises what it meets
        raise InputError(f"onnxruntime cannot quantise this network: {_first_line(error)}") from error
    made: onnx.ModelProto = onnx.load(folder / "int8.onnx")
    made.ir_version = max(IR_VERSION, min(made.ir_version, 10))
    require_usable_scales(made)
    return made


def require_usable_scales(model: onnx.ModelProto) -> None:
    """Raise InputError naming every scale of a quantised file that is zero, denormal, negative or not finite."""
    from onnx import numpy_helper

    values = {tensor.name: tensor for tensor in model.graph.initializer}
    scales = {node.input[1]: node.name for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")}
    least = float(np.finfo(np.float32).tiny)
    faults = []
    for name, node in scales.items():
        scale = numpy_helper.to_array(values[name]) if name in values else np.ones(1)
        if not (np.isfinite(scale) & (scale >= least)).all():
            faults.append(f"node {shown(node)}: a scale of {float(np.min(scale)):.3g} stands for no range: its values hardly differ from 0")
    if faults:
        raise InputError(listed(faults))


def _islands(content: bytes, source: Path) -> tuple[str, ...]:
    from hwcost.frontends.from_onnx import from_onnx

    graph = from_onnx(content, allow_unsupported=True)
    if not is_quantised(graph):
        raise InputError(f"'{source}' has no layer that can be quantised")
    return float_islands(graph)


def _write(target: Path, content: bytes) -> None:
    """Put the file in place in one step: whoever reads it finds the old one or the new one."""
    fresh = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except OSError as error:
        raise InputError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        fresh.unlink(missing_ok=True)
