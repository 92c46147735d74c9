"""From networks to verdicts, and to firmware that keeps its limits, in a few minutes: `make demo`.

Exports the reference networks, quantises them with onnxruntime, and checks the float and the int8 files against three boards under one
budget, with the commands you would type. Then it searches a network for handwritten digits under four limits at once, priced by the
kernels that will run it, checks the file that comes out, quantises it, runs it as firmware on an emulated Cortex-M4, and holds what was
measured against the limits that the search was given. Everything it makes is in one folder (out/demo, or the one given). The reference
networks have random weights, since no figure depends on them; the network for digits is trained.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

TARGETS = "nucleo-l4r5zi,rp2040,stm32f746"
BUDGET = 'max_latency = "300ms"\nmax_ram = "128KiB"\nmax_flash = "512KiB"\n'
CALIBRATION_RUNS = 8
SEED = 0
CALIBRATION_IMAGES = 200
MEASURED = (("latency", "latency_s", "ms", 1e3), ("RAM", "ram_bytes", "KiB", 1 / 1024), ("flash", "flash_bytes", "KiB", 1 / 1024))
FIRMWARE = ("deploy", "digits_int8.onnx", "--target", "stm32l4r5", "--output", "digits_firmware", "--run")


def export(folder: Path) -> list[Path]:
    """Every reference network as a float ONNX file."""
    import torch

    from hwcost.tasks import REGISTRY, reference_network

    files = []
    for name in REGISTRY:
        torch.manual_seed(SEED)
        network = reference_network(name).eval()
        files.append(folder / f"{name}.onnx")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter talks about its own deprecations
            torch.onnx.export(
                network,
                (network.example_input(),),
                files[-1],
                dynamo=True,
                external_data=False,
                verbose=False,
                input_names=["input"],
                output_names=["output"],
            )
        print(f"  {files[-1].name:<24} {files[-1].stat().st_size:>10,} bytes")
    return files


def random_inputs(path: Path) -> Iterator[dict[str, np.ndarray]]:
    """Uniform noise between -1 and 1 in the shape of the input: it sets scales, and no figure depends on a scale."""
    import onnx

    shape = [size.dim_value for size in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    rng = np.random.default_rng(SEED)
    return iter([{"input": rng.uniform(-1, 1, shape).astype(np.float32)} for _ in range(CALIBRATION_RUNS)])


def quantise(path: Path) -> Path:
    """The int8 form of a float file, by onnxruntime's static quantiser: a scale per channel for weights."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Noise(CalibrationDataReader):
        def __init__(self) -> None:
            self.inputs = random_inputs(path)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.inputs, None)

    output = path.with_name(f"{path.stem}_int8.onnx")
    quantize_static(path, output, Noise(), per_channel=True, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8)
    print(f"  {output.name:<24} {output.stat().st_size:>10,} bytes")
    return output


def hwcost(folder: Path, *arguments: str, show: bool = True) -> str:
    """Run the command in the folder as a user would; 0 and 1 are verdicts, anything else ends the demo."""
    if show:
        print(f"\n$ hwcost {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "hwcost.cli", *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"demo: hwcost ended with exit code {done.returncode}")
    if show:
        print(done.stdout + f"(exit code {done.returncode})", flush=True)
    return done.stdout


def compare_projections(folder: Path, floats: list[Path], quantised: list[Path]) -> None:
    """Say whether each float file was priced as the int8 file that quantising made of it."""
    names = [path.name for path in (*floats, *quantised)]
    results = json.loads(hwcost(folder, "cost", *names, "--target", TARGETS, "--format", "json", show=False))["results"]
    costs = {(result["model"], result["target"]["device"]): result["cost"] for result in results}
    for before, after in zip(floats, quantised, strict=True):
        pairs = [(cost, costs[after.name, device]) for (model, device), cost in costs.items() if model == before.name]
        equal = sum(a == b for a, b in pairs)
        print(f"  {before.name:<24} {equal} of {len(pairs)} boards: all four figures equal those of {after.name}")


def search(folder: Path) -> None:
    """Search the digits task from the start, and check what it exports under the limits in the file beside it."""
    shutil.rmtree(folder / "digits", ignore_errors=True)
    shutil.copyfile(Path(__file__).with_name("firmware.toml"), folder / "firmware.toml")
    told = hwcost(folder, "search", "firmware.toml", "--output", "digits")
    again = next(line for line in told.splitlines() if line.startswith("Check it again: hwcost "))
    print("\n7. The file it exported, against the same limits, as anybody's CI would check it")
    hwcost(folder, *again.removeprefix("Check it again: hwcost ").split())


def deploy(folder: Path) -> None:
    """Quantise the network found on digits it was not tested with, and run it as firmware on an emulated Cortex-M4."""
    import onnx
    import torch

    from hwcost.tasks import task_named

    task = task_named("digits")
    examples = task.splits().validation
    images = task.prepared(examples.inputs[torch.arange(CALIBRATION_IMAGES)])
    found = next((folder / "digits").rglob("network.onnx"))
    (name,) = (value.name for value in onnx.load(found).graph.input)
    np.savez(folder / "digits.npz", **{name: images.numpy(), "labels": examples.labels[:CALIBRATION_IMAGES].numpy()})
    hwcost(folder, "quantize", str(found.relative_to(folder)), "--calibration", "digits.npz", "--output", "digits_int8.onnx")
    print("\n9. As firmware: written, built, run on an emulated core, and held against what was predicted")
    hwcost(folder, *FIRMWARE)


def hold_against_limits(folder: Path) -> None:
    """What the search was given, what it believed, and what the firmware took."""
    limits = tomllib.loads((folder / "digits" / "budget.toml").read_text())
    network = ["digits/network.onnx", "--target", "stm32l4r5", "--runtime", "hwcost-c"]
    believed = json.loads(hwcost(folder, "cost", *network, "--format", "json", show=False))["cost"]
    measured = json.loads(hwcost(folder, *FIRMWARE, "--json", show=False))["measured"]
    print(f"  {'':<8} {'limit':>10} {'believed':>10} {'measured':>10}")
    for name, field, unit, scale in MEASURED:
        cells = " ".join(f"{scale * source[field]:>10.2f}" for source in (limits, believed, measured))
        print(f"  {name:<8} {cells} {unit:<4} {'inside' if measured[field] <= limits[field] else 'OVER'}")


def main() -> None:
    logging.disable(logging.WARNING)  # both libraries advise on matters that do not change a figure
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"1. Export the reference networks to {folder}")
    floats = export(folder)
    print(f"\n2. Quantise them: int8, calibrated on {CALIBRATION_RUNS} runs of seeded noise")
    quantised = [quantise(path) for path in floats]
    print(f"\n3. Check the int8 files against three boards under one budget:\n\n{BUDGET}", end="")
    (folder / "budget.toml").write_text(BUDGET)
    hwcost(folder, "check", *(path.name for path in quantised), "--target", TARGETS, "--budget", "budget.toml")
    print("\n4. The float files, priced before anybody quantised them")
    compare_projections(folder, floats, quantised)
    print("\n5. One of those that miss, with reasons and with what would help")
    hwcost(folder, "check", "resnet8_int8.onnx", "--target", "nucleo-l4r5zi", "--budget", "budget.toml")
    print("\n6. Search: handwritten digits under four limits at once, trained, cut and checked (a minute or two)")
    search(folder)
    print("\n8. The network found, quantised to int8 on digits")
    deploy(folder)
    print("\n10. The limits it was searched under, what the search believed, and what the firmware took")
    hold_against_limits(folder)
    print(f"\nThe files are in {folder}; `hwcost targets list` prints the other boards.")


if __name__ == "__main__":
    main()
